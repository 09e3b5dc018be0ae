import { KurrentDBClient } from "@kurrent/kurrentdb-client";
import { type Misbehaviour, startKurrentDouble } from "kurrentdb-double";
import { collect, writeOf } from "test-helpers";
import { startTcpProxy } from "test-servers";
import { describe, expect, it } from "vitest";
import { openKurrentDbEventStore } from "../src/index.ts";
import { type Cut, startCuttingProxy } from "./cut-answers.ts";

const EVENTS = 10;
const VERSIONS = Array.from({ length: EVENTS }, (_, index) => index + 1);
const HOWS: readonly Cut[] = ["reset without error", "reset as cancelled", "end without a status", "go away"];

/** A store behind a proxy, with a stream, and a mark after each of its events for filters to find. */
async function openBehindProxy(timeoutMs = 5_000) {
  const double = await startKurrentDouble();
  const proxy = await startCuttingProxy(double.port);
  const connectionString = `kurrentdb://127.0.0.1:${proxy.port}?tls=false`;
  const store = await openKurrentDbEventStore({ connectionString, timeoutMs });
  for (let n = 0; n < EVENTS; n += 1) {
    await store.append(writeOf("a-1", n, 1));
    await store.append({ ...writeOf("b-1", n, 1), events: [{ id: crypto.randomUUID(), type: "Mark", data: n }] });
  }
  return {
    double,
    proxy,
    store,
    connectionString,
    async [Symbol.asyncDispose]() {
      await store[Symbol.asyncDispose]();
      await proxy[Symbol.asyncDispose]();
      await double[Symbol.asyncDispose]();
    },
  };
}

type Opened = Awaited<ReturnType<typeof openBehindProxy>>;

/** Longer than what is read first of a stream in pages of 64. */
const LONG = 200;

const READS: readonly (readonly [string, readonly number[], (opened: Opened) => Promise<readonly number[]>])[] = [
  ["a stream", VERSIONS, async ({ store }) => versionsOf(await collect(store.readStream("a-1")))],
  [
    "a part of a stream",
    VERSIONS.slice(2),
    async ({ store }) => versionsOf(await collect(store.readStream("a-1", { from: 3 }))),
  ],
  [
    "a stream backwards",
    VERSIONS.toReversed(),
    async ({ store }) => versionsOf(await collect(store.readStream("a-1", { direction: "backward" }))),
  ],
  ["the log", VERSIONS, async ({ store }) => versionsOf(await ofPages(store.readAll()), "a-1")],
  [
    "the log by type",
    VERSIONS,
    async ({ store }) => versionsOf(await ofPages(store.readAll({ filter: { types: ["Mark"] } }))),
  ],
];

describe("the client", () => {
  it.each(HOWS)("ends a read without an error whose answer ends so: %s", async (how) => {
    await using opened = await openBehindProxy();
    const client = KurrentDBClient.connectionString(opened.connectionString);
    const cut = opened.proxy.cut(how, 3, 1);

    let count = 0;
    for await (const { event } of client.readStream("a-1", { maxCount: 100 })) count += event === undefined ? 0 : 1;
    await client.dispose();

    // Should this fail because the client gives an error now: all the better, and what proves that answers are whole can go.
    expect({ count, cuts: cut.done }).toStrictEqual({ count: 3, cuts: 1 });
  });
});

describe("an answer that is cut without a word", () => {
  describe.each(HOWS)("by: %s", (how) => {
    it.each(READS)("does not shorten a read of %s", async (_, expected, read) => {
      await using opened = await openBehindProxy();

      for (const afterFrames of [0, 1, 5, 7]) {
        const cut = opened.proxy.cut(how, afterFrames, 2);
        expect(await read(opened)).toStrictEqual(expected);
        expect(cut.done).toBeGreaterThan(0);
      }
    });
  });

  it.each(READS)(
    "fails a read of %s that gets no further, as for a server that does not answer",
    async (_, __, read) => {
      await using opened = await openBehindProxy(1_500);
      opened.proxy.cut("reset without error", 0, Number.POSITIVE_INFINITY);

      await expect(read(opened)).rejects.toMatchObject({ code: "ES_STORE_UNAVAILABLE" });
    },
  );

  it("does not shorten a long stream, wherever it is cut", async () => {
    await using opened = await openBehindProxy();
    const { proxy, store } = opened;
    await store.append(writeOf("long-1", "no-stream", LONG));

    for (const afterFrames of [0, 1, 40, 71, 72, 100, 127]) {
      const cut = proxy.cut("reset without error", afterFrames, 2);
      const events = await collect(store.readStream("long-1", { pageSize: 64 }));
      expect(versionsOf(events)).toStrictEqual(Array.from({ length: LONG }, (_, index) => index + 1));
      expect(cut.done).toBeGreaterThan(0);
    }
  });

  it("makes no register look absent, and none of their keys disappear", async () => {
    await using opened = await openBehindProxy();
    const { proxy, store } = opened;
    for (let n = 0; n < 5; n += 1) await store.registers.set(`key-${n}`, String(n));

    for (const afterFrames of [0, 1, 2]) {
      proxy.cut("reset without error", afterFrames, 2);
      expect(await store.registers.get("key-1")).toMatchObject({ value: "1" });
      const keys: string[] = [];
      for await (const key of store.registers.keys("")) keys.push(key);
      expect(keys).toStrictEqual(["key-0", "key-1", "key-2", "key-3", "key-4"]);
    }
  });

  it("lets no append be told as not stored that is", async () => {
    await using opened = await openBehindProxy();
    const { double, proxy, store } = opened;

    for (const afterFrames of [0, 1]) {
      const write = writeOf(`c-${afterFrames}`, "no-stream", 3);
      // The answer is lost, and so the store looks at what stands there.
      const lost: Misbehaviour = { on: "append", how: "drop", moment: "after", times: 1 };
      double.misbehave(lost);
      proxy.cut("reset without error", afterFrames, 2);
      expect((await store.append(write)).versions).toStrictEqual([3]);
      expect(await collect(store.readStream(write.streamId))).toHaveLength(3);
    }
  });

  it("lets no log be taken for one that is behind a position", async () => {
    await using opened = await openBehindProxy();
    const { proxy, store } = opened;
    const head = await store.head();

    for (const filter of [undefined, { types: ["Mark"] }]) {
      proxy.cut("reset without error", 0, 2);
      const read = filter === undefined ? store.readAll({ after: head }) : store.readAll({ after: head, filter });
      expect(await ofPages(read)).toStrictEqual([]);
    }
    proxy.cut("reset without error", 0, 2);
    expect(await store.head()).toBe(head);
  });
});

describe("a connection that is cut before the first event of an answer has come whole", () => {
  it("makes nothing look empty", async () => {
    await using double = await startKurrentDouble();
    await using direct = await openKurrentDbEventStore({ connectionString: double.connectionString });
    await direct.append(writeOf("a-1", "no-stream", 3));
    await using proxy = await startTcpProxy({ host: "127.0.0.1", port: double.port });
    const connectionString = `kurrentdb://127.0.0.1:${proxy.port}?tls=false`;
    await using store = await openKurrentDbEventStore({ connectionString, timeoutMs: 10_000 });

    for (let round = 0; round < 60; round += 1) {
      const cut = proxy.cutAfterBytes(200, "to-client");
      const read = round % 2 === 0 ? ofPages(store.readAll()) : collect(store.readStream("a-1"));
      expect(versionsOf(await read)).toStrictEqual([1, 2, 3]);
      await cut;
    }
  }, 30_000);
});

function versionsOf(
  events: readonly { readonly streamId: string; readonly version: number }[],
  streamId?: string,
): readonly number[] {
  return events.filter((event) => streamId === undefined || event.streamId === streamId).map(({ version }) => version);
}

async function ofPages<Event>(pages: AsyncIterable<{ readonly events: readonly Event[] }>): Promise<readonly Event[]> {
  const all: Event[] = [];
  for await (const { events } of pages) all.push(...events);
  return all;
}
