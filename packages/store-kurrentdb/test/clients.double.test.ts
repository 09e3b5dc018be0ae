import { randomUUID } from "node:crypto";
import { allEvents, isEventSourcingError, streamEvents } from "@es/core";
import { binaryEvent, jsonEvent, KurrentDBClient, streamNameFilter } from "@kurrent/kurrentdb-client";
import { startKurrentDouble } from "kurrentdb-double";
import { collect, readLog, writeOf } from "test-helpers";
import { describe, expect, it } from "vitest";
import { openKurrentDbEventStore } from "../src/index.ts";

async function codeOf(work: Promise<unknown>): Promise<string> {
  try {
    await work;
    return "done";
  } catch (error) {
    return isEventSourcingError(error) ? error.code : String(error);
  }
}

async function gather<T>(items: AsyncIterable<T>): Promise<readonly T[]> {
  const gathered: T[] = [];
  for await (const item of items) gathered.push(item);
  return gathered;
}

/** A store, and a client beside it. */
async function openBoth() {
  const double = await startKurrentDouble();
  const { connectionString } = double;
  const client = KurrentDBClient.connectionString(connectionString);
  const store = await openKurrentDbEventStore({ connectionString });
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

describe("what other clients see", () => {
  it("is the stream by its id, plain JSON, and metadata under the server's own names", async () => {
    await using both = await openBoth();
    const { store, client } = both;
    const id = randomUUID();
    const metadata = { correlationId: "c", causationId: "d", user: "ada" };
    await store.append({
      streamId: "dog-1",
      expected: "no-stream",
      events: [{ id, type: "DogRegistered", data: { name: "Fido" }, metadata }],
    });

    const [{ event } = {}] = await gather(client.readStream("dog-1"));

    expect(event).toMatchObject({
      id,
      type: "DogRegistered",
      isJson: true,
      data: { name: "Fido" },
      revision: 0n,
      metadata: { $correlationId: "c", $causationId: "d", user: "ada" },
    });
  });

  it("is the same format as ever", async () => {
    await using both = await openBoth();
    const { store, double } = both;
    await store.append({ streamId: "a-1", expected: 0, events: [{ type: "A", data: [1], metadata: { n: 1 } }] });
    await store.append({ streamId: "a-2", expected: "any", events: [{ type: "$A", data: 1 }] });
    await store.append([
      { streamId: "$b-1", expected: "any", events: [{ type: "B", data: "text", metadata: { correlationId: "c" } }] },
      { streamId: "c-1", expected: "any", events: [{ type: "C", data: null }] },
    ]);
    await store.registers.set("k", "v");
    await store.registers.delete("k");

    const time = /\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z/g;
    const identity = await store.identity();
    const written = double.log.filter(({ streamName }) => streamName !== "$epoch-information");
    const shown = written.map(({ streamName, type, data, customMetadata }) =>
      [streamName, type, data.toString(), customMetadata.toString()]
        .join(" ")
        .replace(time, "TIME")
        .replace(identity, "ID"),
    );
    expect(shown).toStrictEqual([
      'es:store es.store.created {"format":1,"identity":"ID"} {}',
      'a-1 A [1] {"es.recordedAt":"TIME","es.metadata":"{\\"n\\":1}"}',
      'a-2 ~$A 1 {"es.recordedAt":"TIME"}',
      '~$b-1 B "text" {"$correlationId":"c","es.recordedAt":"TIME","$schema.name":"B","$schema.format":"Json"}',
      'c-1 C null {"es.recordedAt":"TIME","$schema.name":"C","$schema.format":"Json"}',
      '$$es:register-k $metadata {"$maxCount":1} ',
      'es:register-k es.register.set {"value":"v"} {}',
      "es:register-k es.register.deleted {} {}",
    ]);
  });
});

describe("what other clients have written", () => {
  it("is read, in streams and in the log, JSON or not", async () => {
    await using both = await openBoth();
    const { store, client } = both;
    await client.appendToStream("order-1", [
      jsonEvent({ type: "OrderPlaced", data: { total: 3 }, metadata: { $correlationId: "c", deep: { n: 1 } } }),
      binaryEvent({ type: "OrderScanned", data: Buffer.from([1, 2, 3]) }),
    ]);
    await client.appendToStream("$own-1", jsonEvent({ type: "Hidden", data: {} }));
    await client.appendToStream("order-2", binaryEvent({ type: "$>", data: Buffer.from("0@order-1") }));

    const log = await readLog(store);

    expect(log.map(({ type, data, metadata }) => ({ type, data, metadata }))).toStrictEqual([
      { type: "OrderPlaced", data: { total: 3 }, metadata: { correlationId: "c", deep: { n: 1 } } },
      { type: "OrderScanned", data: { base64: "AQID" }, metadata: {} },
    ]);
    expect(await collect(store.readStream("order-1"))).toStrictEqual(log);
    expect(await store.head()).toBe(log[1]?.position);
    expect((await store.append(writeOf("order-1", 2))).versions).toStrictEqual([3]);
  });

  it("wakes a live read", async () => {
    await using both = await openBoth();
    const { store, client } = both;
    const live = allEvents(store, { live: true });
    const first = live.next();
    await client.appendToStream("order-1", jsonEvent({ type: "OrderPlaced", data: {} }));

    expect((await first).value).toMatchObject({ streamId: "order-1", version: 1 });
    await live.return();
  });
});

describe("streams that other tools have cut", () => {
  it("keep the versions of what is left when they were truncated", async () => {
    await using both = await openBoth();
    const { store, client } = both;
    await store.append(writeOf("a-1", 0, 6));
    await client.setStreamMetadata("a-1", { truncateBefore: 4 });

    expect((await collect(store.readStream("a-1"))).map(({ version }) => version)).toStrictEqual([5, 6]);
    expect(
      (await collect(store.readStream("a-1", { direction: "backward" }))).map(({ version }) => version),
    ).toStrictEqual([6, 5]);
    expect(
      (await collect(store.readStream("a-1", { to: 5, pageSize: 1 }))).map(({ version }) => version),
    ).toStrictEqual([5]);
    expect((await store.append(writeOf("a-1", 6))).versions).toStrictEqual([7]);
    expect((await store.append(writeOf("a-1", "stream-exists"))).versions).toStrictEqual([8]);
  });

  it("are empty when they were deleted, and go on counting when they are written again", async () => {
    await using both = await openBoth();
    const { store, client } = both;
    await store.append(writeOf("a-1", 0, 4));
    await client.deleteStream("a-1");

    expect(await collect(store.readStream("a-1"))).toStrictEqual([]);
    expect(await codeOf(store.append(writeOf("a-1", "stream-exists")))).toBe("ES_CONCURRENCY");
    expect((await store.append(writeOf("a-1", "no-stream", 2))).versions).toStrictEqual([6]);
    expect((await store.append(writeOf("a-1", "any"))).versions).toStrictEqual([7]);
    const again = await collect(store.readStream("a-1"));
    expect(again.map(({ version }) => version)).toStrictEqual([5, 6, 7]);
  });

  it("are empty and take nothing when they were deleted for good", async () => {
    await using both = await openBoth();
    const { store, client } = both;
    await store.append(writeOf("a-1", 0, 2));
    await client.tombstoneStream("a-1");

    expect(await collect(store.readStream("a-1"))).toStrictEqual([]);
    for (const expected of [2, "any", "no-stream"] as const) {
      expect(await codeOf(store.append(writeOf("a-1", expected)))).toBe("ES_UNSUPPORTED");
    }
    expect(await codeOf(store.append([writeOf("b-1"), writeOf("a-1", 2)]))).toBe("ES_UNSUPPORTED");
    expect(await collect(store.readStream("b-1"))).toStrictEqual([]);
  });
});

describe("appends that depend on other streams", () => {
  it("are recognised when they are repeated, and settled when their answer is lost", async () => {
    await using both = await openBoth();
    const { store, double } = both;
    const ifStreams = [{ streamId: "course-1", expected: "no-stream" }] as const;
    const write = writeOf("enrolment-1", 0, 2);
    double.misbehave({ on: "append", how: "drop", moment: "after", times: 1 });

    expect(await store.append(write, { ifStreams })).toMatchObject({ versions: [2], duplicate: false });
    expect(await store.append(write, { ifStreams })).toMatchObject({ versions: [2], duplicate: true });
    expect(await readLog(store)).toHaveLength(2);
  });

  it("are refused when they make no sense", async () => {
    await using both = await openBoth();
    const { store } = both;
    for (const ifStreams of [
      [{ streamId: "a-1", expected: 0 }],
      [
        { streamId: "b-1", expected: 0 },
        { streamId: "b-1", expected: 1 },
      ],
      [{ streamId: "b-1", expected: -1 }],
      [{ streamId: "", expected: 0 }],
    ]) {
      expect(await codeOf(store.append(writeOf("a-1"), { ifStreams }))).toBe("ES_CONFIGURATION");
    }
  });
});

describe("stores that share one server", () => {
  it("see their own events, registers and positions only", async () => {
    await using both = await openBoth();
    const { connectionString } = both.double;
    await using shop = await openKurrentDbEventStore({ connectionString, name: "shop" });
    await using bank = await openKurrentDbEventStore({ connectionString, name: "bank" });
    await shop.append(writeOf("user-1", 0, 3));
    await shop.registers.set("k", "shop");
    await bank.append(writeOf("user-1", 0));

    expect(await readLog(shop)).toHaveLength(3);
    expect(await readLog(bank)).toHaveLength(1);
    expect(await bank.registers.get("k")).toBeUndefined();
    const after = await shop.head();
    await expect(gather(bank.readAll({ after }))).rejects.toMatchObject({ code: "ES_INVALID_POSITION" });
    expect((await gather(streamEvents(both.store, "shop.user-1"))).map(({ version }) => version)).toStrictEqual([
      1, 2, 3,
    ]);
  });
});

describe("the server's filter", () => {
  it("sends a process only what it asked for", async () => {
    await using both = await openBoth();
    const { store, client } = both;
    await store.append(writeOf("a-1", 0, 3));
    await store.append(writeOf("ab-1", 0, 3));
    const filter = streamNameFilter({ regex: "^(?:a)(?:-|$)" });

    expect(await gather(client.readAll({ filter }))).toHaveLength(3);
    expect(await gather(allEvents(store, { filter: { categories: ["a"] } }))).toHaveLength(3);
  });
});
