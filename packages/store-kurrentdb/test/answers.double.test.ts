import { isEventSourcingError } from "@es/core";
import { KurrentDBClient } from "@kurrent/kurrentdb-client";
import { type KurrentDouble, type KurrentDoubleOptions, startKurrentDouble } from "kurrentdb-double";
import { collect, readLog, writeOf } from "test-helpers";
import { describe, expect, it } from "vitest";
import { type KurrentDbEventStore, openKurrentDbEventStore } from "../src/index.ts";

interface Both extends AsyncDisposable {
  readonly double: KurrentDouble;
  readonly client: KurrentDBClient;
  readonly store: KurrentDbEventStore;
}

async function openBoth(options: KurrentDoubleOptions = {}, timeoutMs = 6_000): Promise<Both> {
  const double = await startKurrentDouble(options);
  const { connectionString } = double;
  const client = KurrentDBClient.connectionString(connectionString);
  const store = await openKurrentDbEventStore({ connectionString, timeoutMs });
  return {
    double,
    client,
    store,
    async [Symbol.asyncDispose]() {
      await client.dispose();
      await store[Symbol.asyncDispose]();
      await double[Symbol.asyncDispose]();
    },
  };
}

async function failureOf(work: Promise<unknown>): Promise<string> {
  try {
    await work;
    return "done";
  } catch (error) {
    return isEventSourcingError(error) ? `${error.code}: ${error.message}` : String(error);
  }
}

describe("a stream that was deleted, and is written anew", () => {
  it.each([["no-stream"], [0]] as const)(
    "takes an append that expects %j once, when the answer is lost",
    async (expected) => {
      await using both = await openBoth();
      const { double, client, store } = both;
      await store.append(writeOf("a-1", 0, 4));
      await client.deleteStream("a-1");
      const fault = double.misbehave({ on: "append", how: "drop", moment: "after", times: 1 });
      const write = writeOf("a-1", expected, 2);

      const result = await store.append(write);

      expect(fault.hits).toBe(1);
      const events = await collect(store.readStream("a-1"));
      expect(events.map(({ id, version }) => [id, version])).toStrictEqual([
        [write.events[0]?.id, 5],
        [write.events[1]?.id, 6],
      ]);
      expect(result).toMatchObject({ versions: [6], position: events[1]?.position });
    },
  );
});

describe.each(["current", "26.2"] as const)("a server like %s", (personality) => {
  it("takes an append with checks once, whatever became of the stream that was checked", async () => {
    await using both = await openBoth({ personality });
    const { double, store } = both;
    const write = writeOf("a-1", 0, 2);
    const ifStreams = [{ streamId: "b-1", expected: "no-stream" }] as const;
    const first = await store.append(write, { ifStreams });
    await store.append(writeOf("b-1"));
    expect(await store.append(write, { ifStreams })).toStrictEqual({ ...first, duplicate: true });

    const other = writeOf("c-1", 0);
    const checked = [{ streamId: "b-1", expected: 1 }] as const;
    double.misbehave({ on: "append", how: "drop", moment: "after", times: 1 });
    expect(await store.append(other, { ifStreams: checked })).toMatchObject({ versions: [1] });
    expect(await readLog(store)).toHaveLength(4);
  });

  it("takes streams whose ids differ in case alone for one, which is refused before it is asked", async () => {
    await using both = await openBoth({ personality });
    const { double, store } = both;
    const calls = double.calls.length;

    expect(await failureOf(store.append([writeOf("Ä-1", 0), writeOf("ä-1", 0)]))).toMatch(/^ES_UNSUPPORTED: .*case/);
    const ifStreams = [{ streamId: "a-X", expected: 0 }] as const;
    expect(await failureOf(store.append(writeOf("a-x", 0), { ifStreams }))).toMatch(/^ES_UNSUPPORTED: .*case/);

    expect(double.calls).toHaveLength(calls);
  });
});

describe("an answer that says nothing of this append", () => {
  it("is that of a server that was the leader: an append that was done before it is not said to be unwritten", async () => {
    await using both = await openBoth({}, 2_000);
    const { double, store } = both;
    const { port } = double;
    const write = writeOf("a-1", 0);
    double.misbehave({ on: "append", how: "wrong-leader", host: "127.0.0.1", port, moment: "after", times: 1 });
    double.misbehave({ on: "append", how: "wrong-leader", host: "127.0.0.1", port });

    expect(await failureOf(store.append(write))).toMatch(/^ES_UNKNOWN_OUTCOME/);
    double.behave();

    expect((await store.append(write)).versions).toStrictEqual([1]);
    expect(await readLog(store)).toHaveLength(1);
  });

  it("does not make an append that is stored look unwritten, when the server cannot say where it is", async () => {
    await using both = await openBoth({}, 2_500);
    const { double, store } = both;
    const write = writeOf("a-1", 0);
    const ifStreams = [{ streamId: "b-1", expected: "no-stream" }] as const;
    await store.append(write, { ifStreams });
    await both.client.deleteStream("a-1");
    double.misbehave({ on: "read", how: "stall" });

    expect(await failureOf(store.append(write))).toMatch(/^ES_UNKNOWN_OUTCOME: the append was stored/);
  });
});

describe("a server whose clock is not that of the client", () => {
  it.each([-3_600_000, 60_000, 3_600_000])("takes appends (%d ms ahead)", async (aheadMs) => {
    await using both = await openBoth({ now: () => Date.now() + aheadMs });
    const { store } = both;

    expect((await store.append(writeOf("a-1", 0))).versions).toStrictEqual([1]);
    expect((await store.append([writeOf("a-1", 1), writeOf("b-1", 0)])).versions).toStrictEqual([2, 1]);
    expect(await store.registers.set("k", "v", { expected: 0 })).toBe(1);
  });
});

describe("a position of another log, such as before a backup was restored", () => {
  it.each([{}, { name: "shop" }])(
    "is refused, though the log is longer by now and such reads look like an outage (%o)",
    async (named) => {
      await using other = await startKurrentDouble();
      await using before = await openKurrentDbEventStore({ connectionString: other.connectionString, ...named });
      await before.append(writeOf("a-1", 0, 3));
      const after = await before.head();
      await using double = await startKurrentDouble();
      const { connectionString } = double;
      await using store = await openKurrentDbEventStore({ connectionString, ...named, timeoutMs: 1_500 });
      await store.append({ streamId: "b-1", expected: 0, events: [{ type: "Other", data: "x".repeat(33) }] });
      await store.append(writeOf("b-1", 1, 20));

      for (const options of [
        {},
        { live: true },
        { filter: { types: ["Happened"] } },
        { filter: { categories: ["b"] }, live: true },
      ]) {
        const reading = (async () => {
          for await (const { events } of store.readAll({ ...options, after })) expect(events).toStrictEqual([]);
        })();
        expect(await failureOf(reading)).toMatch(/^ES_INVALID_POSITION/);
      }
    },
    60_000,
  );
});
