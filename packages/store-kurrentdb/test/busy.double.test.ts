import { setTimeout as sleep } from "node:timers/promises";
import { startKurrentDouble } from "kurrentdb-double";
import { writeOf } from "test-helpers";
import { describe, expect, it } from "vitest";
import { type KurrentDbEventStore, openKurrentDbEventStore } from "../src/index.ts";

/** Two stores: one that reads, each of whose calls takes a while, and one that stores an event more often than that. */
async function openBusy(named: { readonly name?: string }) {
  const double = await startKurrentDouble();
  const { connectionString } = double;
  const store = await openKurrentDbEventStore({ connectionString, ...named });
  const other = await openKurrentDbEventStore({ connectionString, ...named });
  let version = 10;
  let isBusy = true;
  await other.append(writeOf("busy-1", 0, version));
  double.misbehave({ on: "read", how: "slow", delayMs: 20 });
  const writing = (async () => {
    while (isBusy) {
      await other.append(writeOf("busy-1", version, 1));
      version += 1;
      await sleep(2);
    }
  })();
  return {
    store,
    async [Symbol.asyncDispose]() {
      isBusy = false;
      await writing;
      await Promise.all([store, other].map(async (each) => each[Symbol.asyncDispose]()));
      await double[Symbol.asyncDispose]();
    },
  };
}

type Read = (store: KurrentDbEventStore) => AsyncIterable<unknown>;

const READS: readonly (readonly [string, Read])[] = [
  ["a stream", (store) => store.readStream("busy-1")],
  ["a part of a stream", (store) => store.readStream("busy-1", { from: 2 })],
  ["a stream with a limit", (store) => store.readStream("busy-1", { limit: 1_000_000 })],
  ["the log", (store) => store.readAll()],
  ["the log in smaller pages", (store) => store.readAll({ pageSize: 100 })],
  ["the log by type", (store) => store.readAll({ filter: { types: ["Happened"] } })],
];

describe.each([{}, { name: "shop" }])("where more is stored all the while (%o)", (named) => {
  it.each(READS)("a read of %s ends", async (_, read) => {
    await using busy = await openBusy(named);
    const begun = performance.now();

    for await (const __ of read(busy.store)) expect(performance.now() - begun).toBeLessThan(3_000);
  });

  it.each([{}, { filter: { types: ["Happened"] } }])("a live read shows what is stored at once (%o)", async (query) => {
    await using busy = await openBusy(named);
    const { store } = busy;
    let caughtUp = 0;
    let pages = 0;

    for await (const { isCaughtUp } of store.readAll({ ...query, live: true })) {
      pages += 1;
      caughtUp += isCaughtUp ? 1 : 0;
      if (pages === 10) break;
    }

    expect(caughtUp).toBeGreaterThan(5);
  });
});
