import { defineEvents, versioned } from "@es/core";
import { createMemoryEventStore } from "@es/store-memory";
import { describe, expect, it } from "vitest";
import * as z from "zod";
import { createProjectionRunner, defineProjection, type Projection } from "../src/index.ts";
import { accountEvents, deposit } from "./accounts.ts";
import { VirtualClock } from "./virtual-clock.ts";

const events = accountEvents;

async function run(projection: Projection, store = createMemoryEventStore()): Promise<void> {
  await using runner = createProjectionRunner(projection, { store, clock: new VirtualClock(5_000) });
  await runner.start();
  await runner.waitFor(await store.head());
}

describe("a declaration", () => {
  it.each(["", "a:b", "x".repeat(51), "\u0000"])("cannot be named %j", (name) => {
    expect(() => defineProjection({ name, events, batch: () => undefined })).toThrow(/name|key/);
  });

  it("cannot ask for nothing", () => {
    expect(() => defineProjection({ name: "a", events, categories: [], batch: () => undefined })).toThrow(/categories/);
  });
});

describe("handlers", () => {
  it("get events of former names and versions in their present form", async () => {
    await using store = createMemoryEventStore();
    await store.append({ streamId: "a-1", expected: 0, events: [{ type: "Paid", data: { cents: 250 } }] });
    const family = defineEvents({
      Deposited: versioned(z.object({ cents: z.number() }))
        .formerly("Paid")
        .upcast(z.object({ amount: z.number() }), ({ cents }) => ({ amount: cents / 100 })),
    });
    const amounts: number[] = [];

    await run(
      defineProjection({
        name: "amounts",
        events: family,
        types: ["Deposited"],
        handlers: { Deposited: ({ data }) => void amounts.push(data.amount) },
      }),
      store,
    );

    expect(amounts).toStrictEqual([2.5]);
  });

  it("of chosen categories get nothing else", async () => {
    await using store = createMemoryEventStore();
    await deposit(store, "a-1", 1);
    await deposit(store, "b-1", 2);
    const streams: string[] = [];

    await run(
      defineProjection({
        name: "streams",
        events,
        categories: ["b"],
        batch: (batch) => void streams.push(...batch.map(({ streamId }) => streamId)),
      }),
      store,
    );

    expect(streams).toStrictEqual(["b-1"]);
  });

  it("are not given an unknown event: the runner stops in front of it, or passes over it when that was said", async () => {
    await using store = createMemoryEventStore();
    await store.append({ streamId: "a-1", expected: 0, events: [{ type: "Strange", data: 1 }] });
    await deposit(store, "a-1", 1);
    const seen: string[] = [];
    const facts = {
      name: "strict",
      events,
      batch: (batch: readonly { type: string }[]) => void seen.push(...batch.map(({ type }) => type)),
    };

    await expect(run(defineProjection(facts), store)).rejects.toMatchObject({
      code: "ES_HANDLER_FAILED",
      cause: { code: "ES_UNKNOWN_EVENT_TYPE" },
    });
    await run(defineProjection({ ...facts, name: "lenient", unknownEvents: "ignore" }), store);

    expect(seen).toStrictEqual(["Deposited"]);
  });
});

describe("a fold", () => {
  it("loads each row of a page once and writes it once", async () => {
    await using store = createMemoryEventStore();
    const opened = { type: "Opened", data: { owner: "Ada" } };
    await store.append({ streamId: "a-1", expected: 0, events: [opened] });
    await deposit(store, "a-1", 1, 2);
    await deposit(store, "b-1", 4);
    await deposit(store, "a-1", 8);
    const rows = new Map<string, number>([["b-1", 100]]);
    const calls: string[] = [];

    await run(
      defineProjection({
        name: "balances",
        events,
        fold: {
          key: ({ streamId }) => streamId,
          load: (keys): ReadonlyMap<string, number> => {
            calls.push(`load ${keys.join()}`);
            return new Map([...rows].filter(([key]) => keys.includes(key)));
          },
          evolve: {
            Opened: () => undefined,
            Deposited: (row, { data }) => (row ?? 0) + data.amount,
          },
          save: (changed) => {
            calls.push(`save ${[...changed.keys()].join()}`);
            for (const [key, row] of changed) if (row !== undefined) rows.set(key, row);
          },
        },
      }),
      store,
    );

    expect(calls).toStrictEqual(["load a-1,b-1", "save a-1,b-1"]);
    expect(Object.fromEntries(rows)).toStrictEqual({ "a-1": 11, "b-1": 104 });
  });

  it("removes a row that existed, and does not mention one that never did", async () => {
    await using store = createMemoryEventStore();
    const opened = { type: "Opened", data: { owner: "Ada" } };
    await store.append({ streamId: "a-1", expected: 0, events: [opened] });
    await store.append({ streamId: "b-1", expected: 0, events: [opened] });
    const saved: (readonly [string, number | undefined])[] = [];

    await run(
      defineProjection({
        name: "gone",
        events,
        fold: {
          key: ({ streamId }) => streamId,
          load: (): ReadonlyMap<string, number> => new Map([["a-1", 1]]),
          evolve: { Opened: () => undefined, Deposited: () => 1 },
          save: (rows) => void saved.push(...rows),
        },
      }),
      store,
    );

    expect(saved).toStrictEqual([["a-1", undefined]]);
  });
});
