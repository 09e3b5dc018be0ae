import { isEventSourcingError } from "@es/core";
import { type KurrentDouble, type Misbehaviour, startKurrentDouble } from "kurrentdb-double";
import { Child, readLog, writeOf } from "test-helpers";
import { LiveLog } from "test-helpers/live-log";
import { describe, expect, it } from "vitest";
import { type KurrentDbEventStore, openKurrentDbEventStore } from "../src/index.ts";
import { startBlackHole } from "./black-hole.ts";

/** A double and a store on it; both end with the test. */
async function openBoth(
  timeoutMs = 2_000,
): Promise<{ double: KurrentDouble; store: KurrentDbEventStore } & AsyncDisposable> {
  const double = await startKurrentDouble();
  const { connectionString } = double;
  const store = await openKurrentDbEventStore({ connectionString, timeoutMs, pollIntervalMs: 300 });
  return {
    double,
    store,
    async [Symbol.asyncDispose]() {
      await store[Symbol.asyncDispose]();
      await double[Symbol.asyncDispose]();
    },
  };
}

async function codeOf(work: Promise<unknown>): Promise<string> {
  try {
    await work;
    return "done";
  } catch (error) {
    return isEventSourcingError(error) ? error.code : String(error);
  }
}

describe("what would make the client wait for ever", () => {
  it.each([[1n], [undefined], [() => 1]])(
    "data that is no JSON (%s) is refused before the client sees it",
    async (data) => {
      await using both = await openBoth();
      const { store } = both;

      const append = store.append({ streamId: "a-1", expected: "any", events: [{ type: "T", data }] });

      expect(await codeOf(append)).toBe("ES_INVALID_EVENT");
      expect((await store.append(writeOf("a-1"))).versions).toStrictEqual([1]);
    },
  );

  it.each<readonly [string, Misbehaviour]>([
    ["is not answered", { on: "append", how: "stall", times: 1 }],
    ["is done and not answered", { on: "append", how: "stall", moment: "after", times: 1 }],
    ["ends together with all of its connection", { on: "append", how: "end", times: 1 }],
    ["is done, and ends with all of its connection", { on: "append", how: "end", moment: "after", times: 1 }],
    ["loses its connection", { on: "append", how: "drop", times: 1 }],
    ["is done, and loses its connection", { on: "append", how: "drop", moment: "after", times: 1 }],
    ["times out on the server", { on: "append", how: "timeout", times: 1 }],
    ["is done, and times out on the server", { on: "append", how: "timeout", moment: "after", times: 1 }],
    ["fails for a reason that says nothing", { on: "append", how: "fail", code: 2, moment: "after", times: 1 }],
    ["is cancelled", { on: "append", how: "fail", code: 1, times: 1 }],
    ["meets a server that is not ready", { on: "append", how: "not-ready", times: 1 }],
  ])("an append that %s is stored once, and later ones too", async (_, misbehaviour) => {
    await using both = await openBoth();
    const { double, store } = both;
    const fault = double.misbehave(misbehaviour);
    const writes = [writeOf("a-1", "no-stream", 2), writeOf("a-1", 2, 3), writeOf("a-1", "any")];

    const results = [];
    for (const write of writes) results.push(await store.append(write));

    expect(fault.hits).toBe(1);
    expect(results.map(({ versions, duplicate }) => [versions, duplicate])).toStrictEqual([
      [[2], false],
      [[5], false],
      [[6], false],
    ]);
    const log = await readLog(store);
    expect(log.map(({ id }) => id)).toStrictEqual(writes.flatMap(({ events }) => events.map(({ id }) => id)));
    expect(results.map(({ position }) => position)).toStrictEqual([1, 4, 5].map((index) => log[index]?.position));
  });

  it("an append over several streams without an answer is stored once", async () => {
    await using both = await openBoth();
    const { double, store } = both;
    for (const moment of ["before", "after"] as const) {
      double.misbehave({ on: "append", how: "stall", moment, times: 1 });

      const result = await store.append([writeOf(`${moment}-1`, 0, 2), writeOf(`${moment}-2`, "any")]);

      expect(result).toMatchObject({ versions: [2, 1], duplicate: false });
    }
    expect(await readLog(store)).toHaveLength(6);
  });

  it("a stalled read is made again", async () => {
    await using both = await openBoth();
    const { double, store } = both;
    await store.append(writeOf("a-1", "any", 3));
    for (const afterEvents of [0, 1]) {
      const fault = double.misbehave({ on: "read", how: "stall", afterEvents, times: 1 });
      expect(await readLog(store)).toHaveLength(3);
      expect(fault.hits).toBe(1);
    }
  });

  it("a server that answers no read ends the call within its time", async () => {
    await using both = await openBoth(800);
    const { double, store } = both;
    const fault = double.misbehave({ on: "read", how: "stall" });
    const begun = performance.now();

    expect(await codeOf(store.head())).toBe("ES_STORE_UNAVAILABLE");
    expect(await codeOf(store.registers.get("k"))).toBe("ES_STORE_UNAVAILABLE");
    expect(await codeOf(readLog(store))).toBe("ES_STORE_UNAVAILABLE");
    expect(performance.now() - begun).toBeLessThan(8_000);

    fault.stop();
    expect(await store.head()).toBe("");
  });

  it("an unanswered discovery of methods delays opening, and no more", async () => {
    await using double = await startKurrentDouble();
    const fault = double.misbehave({ on: "methods", how: "stall", times: 1 });

    await using store = await openKurrentDbEventStore({ connectionString: double.connectionString, timeoutMs: 2_000 });

    expect(fault.hits).toBe(1);
    expect((await store.append(writeOf("a-1"))).versions).toStrictEqual([1]);
  });

  it("a discovery of methods that is never answered ends opening within its time", async () => {
    await using double = await startKurrentDouble();
    double.misbehave({ on: "methods", how: "stall" });

    const opening = openKurrentDbEventStore({ connectionString: double.connectionString, timeoutMs: 800 });

    expect(await codeOf(opening)).toBe("ES_STORE_UNAVAILABLE");
  });

  it("connections that carry nothing end calls within their time, and the store works again after them", async () => {
    await using both = await openBoth(1_000);
    const { double, store } = both;
    await store.append(writeOf("a-1"));
    double.freezeConnections();

    const write = writeOf("a-1", 1);
    expect(await codeOf(store.append(write))).toBe("ES_UNKNOWN_OUTCOME");
    expect(await codeOf(store.head())).toBe("ES_STORE_UNAVAILABLE");
    double.behave();

    expect((await store.append(write)).versions).toStrictEqual([2]);
    expect((await readLog(store)).filter(({ id }) => id === write.events[0]?.id)).toHaveLength(1);
  });
});

describe("what would leave the client broken for ever", () => {
  it("connections that carry nothing any more, while new ones would", async () => {
    await using double = await startKurrentDouble();
    await using hole = await startBlackHole(double.port);
    const connectionString = `kurrentdb://127.0.0.1:${hole.port}?tls=false`;
    await using store = await openKurrentDbEventStore({ connectionString, timeoutMs: 3_000 });
    const live = new LiveLog(store);
    const writes = [writeOf("a-1", 0), writeOf("a-1", 1), writeOf("a-1", 2)];
    for (const write of writes) {
      await store.append(write);
      await live.shows(write.events[0]?.id);
      hole.swallow();
    }
    await live.stop();

    expect(live.events).toStrictEqual(await readLog(store));
    expect(live.events).toHaveLength(3);
  });

  it("a server that is away while a new client reads", async () => {
    await using both = await openBoth(1_500);
    const { double, store } = both;
    await double.stop();
    for (let round = 0; round < 3; round += 1) {
      expect(await codeOf(store.head())).toBe("ES_STORE_UNAVAILABLE");
    }
    expect(await codeOf(store.append(writeOf("a-1")))).toBe("ES_STORE_UNAVAILABLE");

    await double.restart();

    expect((await store.append(writeOf("a-1"))).versions).toStrictEqual([1]);
    expect(await readLog(store)).toHaveLength(1);
  });

  it("a discovery of methods that was refused once", async () => {
    await using both = await openBoth();
    const { double, store } = both;
    double.misbehave({ on: "methods", how: "deny", times: 1 });
    double.dropConnections();

    const codes = [await codeOf(store.append(writeOf("a-1"))), await codeOf(store.append(writeOf("a-1")))];

    expect(codes.at(-1)).toBe("done");
    expect((await store.append(writeOf("a-1"))).versions).toStrictEqual([
      codes.filter((code) => code === "done").length + 1,
    ]);
  });
});

describe("subscriptions", () => {
  it.each<readonly [string, Misbehaviour]>([
    ["is refused", { on: "subscribe", how: "deny", times: 1 }],
    ["fails after an event", { on: "subscribe", how: "fail", code: 14, afterEvents: 1, times: 1 }],
    [
      "is dropped for being slow",
      { on: "subscribe", how: "fail", code: 10, details: "Consumer too slow", afterEvents: 1, times: 1 },
    ],
    ["ends without an error", { on: "subscribe", how: "end", afterEvents: 1, times: 1 }],
    ["is never confirmed", { on: "subscribe", how: "stall", times: 1 }],
    ["falls silent", { on: "subscribe", how: "stall", afterEvents: 1, times: 1 }],
    ["loses its connection", { on: "subscribe", how: "drop", afterEvents: 1, times: 1 }],
  ])("a live read goes on when its subscription %s", async (_, misbehaviour) => {
    await using both = await openBoth();
    const { double, store } = both;
    // That a log is empty is asked by a subscription too, which is not meant here.
    await store.append(writeOf("z-1"));
    const fault = double.misbehave(misbehaviour);
    const live = new LiveLog(store);
    const first = writeOf("a-1");
    await store.append(first);
    await live.shows(first.events[0]?.id);

    await using other = await openKurrentDbEventStore({ connectionString: double.connectionString });
    for (let n = 0; n < 5; n += 1) {
      const write = writeOf(`b-${n}`);
      await other.append(write);
      await live.shows(write.events[0]?.id);
    }
    await live.stop();

    expect(fault.hits).toBe(1);
    expect(live.events).toStrictEqual(await readLog(store));
  });

  it("end on the server when nobody reads live any more", async () => {
    await using both = await openBoth();
    const { double, store } = both;
    const live = new LiveLog(store);
    const write = writeOf("a-1");
    await store.append(write);
    await live.shows(write.events[0]?.id);
    await expect.poll(() => double.subscriptions.length).toBe(1);

    await live.stop();

    await expect.poll(() => double.subscriptions.length, { timeout: 5_000 }).toBe(0);
  });

  it("do not hurry a slow reader, who gets everything in order", async () => {
    await using both = await openBoth();
    const { store } = both;
    const seen: string[] = [];
    const abort = new AbortController();
    const reading = (async () => {
      for await (const { events } of store.readAll({ live: true, pageSize: 7, signal: abort.signal })) {
        for (const { id } of events) seen.push(id);
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
    })();
    const writes = Array.from({ length: 20 }, () => writeOf("a-1", "any", 10));
    for (const write of writes) await store.append(write);
    await expect.poll(() => seen.length, { timeout: 20_000 }).toBe(200);
    abort.abort();

    expect(await codeOf(reading)).toBe("ES_ABORTED");
    expect(seen).toStrictEqual(writes.flatMap(({ events }) => events.map(({ id }) => id)));
  });
});

describe("closing", () => {
  it("lets the process end", async () => {
    await using double = await startKurrentDouble();
    const child = new Child(new URL("./child/close.ts", import.meta.url), {
      connectionString: double.connectionString,
    });

    await child.done;

    expect(child.lines).toStrictEqual(["closed"]);
  }, 20_000);

  it("does not wait for a client that cannot be disposed of", async () => {
    await using double = await startKurrentDouble();
    const store = await openKurrentDbEventStore({ connectionString: double.connectionString, timeoutMs: 1_000 });
    double.misbehave({ on: "append", how: "end", times: 1 });
    await store.append(writeOf("a-1"));
    const begun = performance.now();

    await store[Symbol.asyncDispose]();

    expect(performance.now() - begun).toBeLessThan(5_000);
  });
});
