import { type EventStore, type Registers, StoreUnavailableError } from "@es/core";
import { createMemoryEventStore } from "@es/store-memory";
import { openSqliteEventStore } from "@es/store-sqlite";
import Database from "better-sqlite3";
import { describe, expect, it } from "vitest";
import {
  createProjectionRunner,
  defineProjection,
  type FailurePolicy,
  listParked,
  type ProjectionRunner,
} from "../src/index.ts";
import { accountEvents, deposit } from "./accounts.ts";
import { balances, createBalances, readBalances } from "./balances.ts";
import { Reports } from "./reports.ts";
import { temporaryDirectory } from "./temporary-file.ts";
import { VirtualClock } from "./virtual-clock.ts";

/** A projection whose handler refuses some amounts, until it is told otherwise. */
function picky(...refused: number[]) {
  const bad = new Set(refused);
  const seen: string[] = [];
  const reports = new Reports();
  const projection = defineProjection({
    name: "picky",
    events: accountEvents,
    types: ["Deposited"],
    handlers: {
      Deposited: ({ streamId, data }) => {
        if (bad.has(data.amount)) throw new Error(`no ${data.amount}`);
        seen.push(`${streamId}=${data.amount}`);
      },
    },
  });
  const run = (store: EventStore<unknown>, onFailure: FailurePolicy): ProjectionRunner =>
    createProjectionRunner(projection, {
      store,
      onFailure,
      onReport: reports.listener,
      retry: { maxAttempts: 2 },
      clock: new VirtualClock(5_000),
    });
  return { bad, seen, reports, run };
}

describe("an event that cannot be handled", () => {
  it("is reported and passed over when it may be skipped", async () => {
    await using store = createMemoryEventStore();
    await deposit(store, "a-1", 1, 2, 3);
    const { seen, run, reports } = picky(2);
    await using runner = run(store, "skip");

    await runner.start();
    await runner.waitFor(await store.head());

    expect(seen).toStrictEqual(["a-1=1", "a-1=3"]);
    const skipped = reports.all.find(({ kind }) => kind === "skipped");
    expect(skipped).toMatchObject({ event: { version: 2 }, error: { message: "no 2" }, attempts: 2 });
  });

  it("is held back with all later ones of its stream when it is parked, while others go on", async () => {
    await using store = createMemoryEventStore();
    await deposit(store, "a-1", 1, 2, 3);
    await deposit(store, "b-1", 4);
    const { seen, run, reports } = picky(2);
    await using runner = run(store, "park");

    await runner.start();
    await runner.waitFor(await deposit(store, "a-1", 5));
    await runner.waitFor(await deposit(store, "b-1", 6));

    expect(seen).toStrictEqual(["a-1=1", "b-1=4", "b-1=6"]);
    const parked = { streamId: "a-1", firstVersion: 2, lastVersion: 4, events: 3, attempts: 2, error: "no 2" };
    expect(runner.parked()).toMatchObject([parked]);
    expect(await listParked(store.registers, "picky")).toMatchObject([parked]);
    expect(runner.status()).toMatchObject({ isHealthy: false, state: "live", parkedStreams: 1, parkedEvents: 3 });
    expect(reports.kinds.filter((kind) => kind === "parked")).toHaveLength(1);
  });

  it("is handled first when its stream is replayed after the fix, and order is kept", async () => {
    await using store = createMemoryEventStore();
    await deposit(store, "a-1", 1, 2, 3);
    const { bad, seen, run, reports } = picky(2);
    await using runner = run(store, "park");
    await runner.start();
    await runner.waitFor(await deposit(store, "a-1", 4));

    bad.clear();
    const handled = await runner.replayParked();
    await runner.waitFor(await deposit(store, "a-1", 5));

    expect(handled).toBe(3);
    expect(seen).toStrictEqual(["a-1=1", "a-1=2", "a-1=3", "a-1=4", "a-1=5"]);
    expect(runner.status()).toMatchObject({ isHealthy: true, parkedStreams: 0, events: 5 });
    expect(await listParked(store.registers, "picky")).toStrictEqual([]);
    expect(reports.all.find(({ kind }) => kind === "replayed")).toMatchObject({ streamId: "a-1", events: 3 });
    expect(await runner.replayParked("a-1")).toBe(0);
  });

  it("stays parked with the later ones when a replay fails, and what was replayed before it does not come again", async () => {
    await using store = createMemoryEventStore();
    await deposit(store, "a-1", 1, 2, 3);
    const { bad, seen, run } = picky(1, 2);
    await using runner = run(store, "park");
    await runner.start();
    await runner.waitFor(await store.head());
    bad.delete(1);

    await expect(runner.replayParked()).rejects.toMatchObject({ code: "ES_HANDLER_FAILED", event: { version: 2 } });
    expect(runner.parked()).toMatchObject([{ firstVersion: 2, lastVersion: 3, events: 2, attempts: 2, error: "no 2" }]);
    bad.delete(2);
    await runner.replayParked();

    expect(seen).toStrictEqual(["a-1=1", "a-1=2", "a-1=3"]);
  });

  it("is never handled when it is discarded, later ones are", async () => {
    await using store = createMemoryEventStore();
    await deposit(store, "a-1", 1, 2);
    const { seen, run } = picky(1);
    await using runner = run(store, "park");
    await runner.start();
    await runner.waitFor(await store.head());

    expect(await runner.discardParked("a-1")).toBe(2);
    expect(await runner.discardParked("a-1")).toBe(0);
    await runner.waitFor(await deposit(store, "a-1", 3));

    expect(seen).toStrictEqual(["a-1=3"]);
  });

  it("stays parked over a restart", async () => {
    await using store = createMemoryEventStore();
    await deposit(store, "a-1", 1, 2);
    const { bad, seen, run } = picky(1);
    const first = run(store, "park");
    await first.start();
    await first.waitFor(await store.head());
    await first.stop();

    await using second = run(store, "park");
    await second.start();
    await second.waitFor(await deposit(store, "a-1", 3));
    bad.clear();
    await second.replayParked();

    expect(seen).toStrictEqual(["a-1=1", "a-1=2", "a-1=3"]);
  });

  it.each([
    ["streams", { maxStreams: 1 }, ["a-1", "b-1"]],
    ["events", { maxEvents: 2 }, ["a-1", "a-1", "a-1"]],
  ] as const)(
    "stops the runner when too many %s would be held back, and loses nothing",
    async (_name, park, streams) => {
      await using store = createMemoryEventStore();
      for (const streamId of streams) await deposit(store, streamId, 1);
      const { bad, seen, run } = picky(1);
      const first = run(store, { park });
      await first.start();
      await expect(first.done).rejects.toMatchObject({ code: "ES_PARKING_FULL", projection: "picky" });

      bad.clear();
      await using second = run(store, "park");
      await second.start();
      await second.waitFor(await store.head());
      await second.replayParked();

      expect(seen.toSorted()).toStrictEqual(streams.map((streamId) => `${streamId}=1`));
    },
  );

  it("is not blamed for an outage", async () => {
    await using store = createMemoryEventStore();
    await deposit(store, "a-1", 1);
    const projection = defineProjection({
      name: "cut-off",
      events: accountEvents,
      batch: () => {
        throw new StoreUnavailableError("the read model is away");
      },
    });
    const clock = new VirtualClock(60_000);
    await using runner = createProjectionRunner(projection, { store, onFailure: "park", clock });

    await runner.start();

    await expect(runner.done).rejects.toMatchObject({ code: "ES_HANDLER_FAILED", attempts: 40 });
    expect(runner.parked()).toStrictEqual([]);
  });

  it.each([{ park: { maxStreams: 0 } }, { park: { maxStreams: 5_000 } }, { park: { maxEvents: Number.NaN } }])(
    "cannot be handled as %j",
    async (onFailure) => {
      await using store = createMemoryEventStore();

      expect(() => picky().run(store, onFailure)).toThrow(/onFailure/);
    },
  );
});

it("replays into a transaction exactly once, also when only a part of it succeeds", async () => {
  await using directory = await temporaryDirectory();
  const path = directory.path("events.db");
  await using store = await openSqliteEventStore({ path });
  const view = new Database(path);
  createBalances(view);
  await deposit(store, "a-1", 1, 2, 4, 8);
  const bad = new Set([2, 4]);
  const projection = balances((amount) => {
    if (bad.has(amount)) throw new Error("no");
  });
  const clock = new VirtualClock(5_000);
  await using runner = createProjectionRunner(projection, { store, sink: store, onFailure: "park", clock });
  await runner.start();
  await runner.waitFor(await store.head());
  expect(readBalances(view)).toStrictEqual({ "a-1": "1 of 1" });

  bad.delete(2);
  await expect(runner.replayParked()).rejects.toMatchObject({ event: { version: 3 } });
  expect(readBalances(view)).toStrictEqual({ "a-1": "3 of 2" });
  bad.clear();
  await runner.replayParked();

  expect(readBalances(view)).toStrictEqual({ "a-1": "15 of 4" });
  view.close();
});

describe("one bad event of a large page", () => {
  /** Runs over a page with bad events, and counts how often its handlers were called. */
  async function callsFor(kind: "handlers" | "batch", bad: readonly number[]) {
    await using store = createMemoryEventStore();
    for (let n = 0; n < 500; n += 1) await deposit(store, `a-${n % 50}`, n);
    const seen: number[] = [];
    let calls = 0;
    const facts = { name: "large", events: accountEvents, types: ["Deposited"] } as const;
    const check = (amount: number): void => {
      if (bad.includes(amount)) throw new Error("no");
    };
    const projection =
      kind === "batch"
        ? defineProjection({
            ...facts,
            batch: (events) => {
              calls += 1;
              for (const { data } of events) check(data.amount);
              seen.push(...events.map(({ data }) => data.amount));
            },
          })
        : defineProjection({
            ...facts,
            handlers: {
              Deposited: ({ data }) => {
                calls += 1;
                check(data.amount);
                seen.push(data.amount);
              },
            },
          });
    let writes = 0;
    const checkpoints: Registers<unknown> = {
      ...store.registers,
      get: (key) => store.registers.get(key),
      delete: (key) => store.registers.delete(key),
      set: async (key, value, call) => {
        writes += 1;
        return store.registers.set(key, value, call?.expected === undefined ? {} : { expected: call.expected });
      },
    };
    const options = { store, checkpoints, onFailure: "park", retry: { maxAttempts: 1 } } as const;
    await using runner = createProjectionRunner(projection, options);
    await runner.start();
    await runner.waitFor(await store.head());
    const parked = runner.parked().reduce((sum, { events }) => sum + events, 0);
    return { calls, writes, seen, parked };
  }

  it("costs some attempts, not one for each of the others", async () => {
    const batch = await callsFor("batch", [123]);
    const single = await callsFor("handlers", [123]);

    // Event 123 is in stream a-23, which has ten events; the eight behind it are held back with it.
    expect([batch.parked, single.parked]).toStrictEqual([8, 8]);
    expect([batch.seen.length, single.seen.length]).toStrictEqual([492, 492]);
    expect(batch.calls).toBeLessThan(25);
    expect(single.calls).toBe(493);
    expect(single.writes).toBeLessThan(8);
  });

  it("is told apart from other bad ones, and order is kept", async () => {
    const bad = [0, 7, 8, 250, 499];
    const batch = await callsFor("batch", bad);
    const single = await callsFor("handlers", bad);

    for (const { seen, parked } of [batch, single]) {
      expect(seen).toStrictEqual(seen.toSorted((a, b) => a - b));
      expect(seen.length + parked).toBe(500);
      // Streams a-0, a-7 and a-8 are held back as a whole, of a-49 only the last one; 250 is of a-0.
      expect(parked).toBe(31);
    }
    expect(batch.calls).toBeLessThan(100);
  });
});
