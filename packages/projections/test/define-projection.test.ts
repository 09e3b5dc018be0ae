import { defineEvents, versioned } from "@es/core";
import { createMemoryEventStore } from "@es/store-memory";
import { openSqliteEventStore, type SqliteDatabase } from "@es/store-sqlite";
import { describe, expect, it } from "vitest";
import * as z from "zod";
import {
  createProjectionRunner,
  defineProjection,
  type EventHandlers,
  type ExactlyOnce,
  exactlyOnce,
  type HandlerContext,
  type Projection,
  type RecordedOf,
  type TransactionContext,
} from "../src/index.ts";
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
      cause: { code: "ES_UNKNOWN_EVENT_TYPE", message: expect.stringMatching(/"ignore"$/) },
    });
    await run(defineProjection({ ...facts, name: "lenient", unknownEvents: "ignore" }), store);

    expect(seen).toStrictEqual(["Deposited"]);
  });
});

type Schemas = typeof accountEvents.schemas;
type Deposited = RecordedOf<Schemas, "Deposited">;

/** Keeps sums in itself, and counts in a class of its own kind. */
class Totals implements EventHandlers<Schemas> {
  readonly totals = new Map<string, number>();
  #calls = 0;

  get calls(): number {
    return this.#calls;
  }

  Opened({ streamId }: RecordedOf<Schemas, "Opened">): void {
    this.totals.set(streamId, 0);
    this.#calls += 1;
  }

  async Deposited({ streamId, data }: RecordedOf<Schemas, "Deposited">, context: HandlerContext): Promise<void> {
    await Promise.resolve();
    this.totals.set(streamId, (this.totals.get(streamId) ?? 0) + data.amount);
    this.#calls += context.attempt;
  }
}

class DoubleTotals extends Totals {
  override async Deposited(event: RecordedOf<Schemas, "Deposited">, context: HandlerContext): Promise<void> {
    await super.Deposited(event, context);
    await super.Deposited(event, context);
  }
}

/** A class that is one projection, as the documentation shows it. */
class Sums implements EventHandlers<Schemas, "Deposited", ExactlyOnce<SqliteDatabase>> {
  readonly projection: Projection<ExactlyOnce<SqliteDatabase>>;
  readonly #table: string;

  constructor(name: string) {
    this.#table = name;
    this.projection = defineProjection({
      name,
      events: accountEvents,
      types: ["Deposited"],
      delivery: exactlyOnce<SqliteDatabase>(),
      handlers: this,
    });
  }

  Deposited({ streamId, data }: Deposited, { tx }: TransactionContext<SqliteDatabase>): void {
    const upsert = "ON CONFLICT (account) DO UPDATE SET total = total + excluded.total";
    tx.prepare(`INSERT INTO ${this.#table} VALUES (?, ?) ${upsert}`).run(streamId, data.amount);
  }
}

class Doubled extends Sums {
  override Deposited(event: Deposited, context: TransactionContext<SqliteDatabase>): void {
    super.Deposited({ ...event, data: { amount: 2 * event.data.amount } }, context);
  }
}

describe("a class of handlers", () => {
  it("keeps its state in itself, and may be extended", async () => {
    await using store = createMemoryEventStore();
    await store.append({ streamId: "a-1", expected: 0, events: [{ type: "Opened", data: { owner: "Ada" } }] });
    await deposit(store, "a-1", 1, 2);
    const totals = new Totals();
    const double = new DoubleTotals();

    await run(defineProjection({ name: "totals", events, handlers: totals }), store);
    await run(defineProjection({ name: "double", events, handlers: double }), store);

    expect([totals.totals.get("a-1"), totals.calls]).toStrictEqual([3, 3]);
    expect([double.totals.get("a-1"), double.calls]).toStrictEqual([6, 5]);
  });

  it("may be a projection of its own, with what it was made with and a transaction, and be extended", async () => {
    await using store = await openSqliteEventStore({ path: ":memory:" });
    await store.transaction(async (tx) => void tx.exec("CREATE TABLE sums (account TEXT PRIMARY KEY, total INTEGER)"));
    const { projection } = new Doubled("sums");
    await using runner = createProjectionRunner(projection, { store, sink: store });
    await runner.start();
    await runner.waitFor(await deposit(store, "a-1", 1, 2));

    const rows = await store.transaction(async (tx) => tx.prepare("SELECT * FROM sums").all());

    expect(rows).toStrictEqual([{ account: "a-1", total: 6 }]);
  });

  it("does not take what every object has for a handler", () => {
    const events = defineEvents({ toString: z.object({}) });

    const define = (): unknown =>
      defineProjection({
        name: "odd",
        events,
        // @ts-expect-error what every object has is no handler
        handlers: new Totals(),
      });

    expect(define).toThrow(/has no handler in "handlers" for "toString"/);
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
