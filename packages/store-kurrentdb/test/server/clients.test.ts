import { randomUUID } from "node:crypto";
import { allEvents, streamEvents } from "@es/core";
import { binaryEvent, jsonEvent } from "@kurrent/kurrentdb-client";
import { readLog, writeOf } from "test-helpers";
import { describe, expect, it } from "vitest";
import { openKurrentDbEventStore } from "../../src/index.ts";
import { open, serversUnderTest, TIMEOUT_MS } from "./under-test.ts";

async function gather<T>(items: AsyncIterable<T>): Promise<readonly T[]> {
  const gathered: T[] = [];
  for await (const item of items) gathered.push(item);
  return gathered;
}

describe.each(await serversUnderTest())("beside other clients on $label, a store", (server) => {
  it("writes plain JSON, and metadata under the server's own names", async () => {
    await using opened = await open(server);
    const { store, client, stream } = opened;
    const id = randomUUID();
    const metadata = { correlationId: "c", causationId: "d", user: "ada" };
    const event = { id, type: "DogRegistered", data: { name: "Fido" }, metadata };
    const result = await store.append({ streamId: "dog-1", expected: "no-stream", events: [event] });

    const [read] = await gather(client.readStream(stream("dog-1")));

    expect(read?.event).toMatchObject({
      id,
      type: "DogRegistered",
      isJson: true,
      data: { name: "Fido" },
      revision: 0n,
      metadata: { $correlationId: "c", $causationId: "d", user: "ada" },
    });
    expect(result.position).toBe(await store.head());
  });

  it("reads what they wrote, JSON or not, and passes over links", async () => {
    await using opened = await open(server);
    const { store, client, stream } = opened;
    await client.appendToStream(stream("order-1"), [
      jsonEvent({ type: "OrderPlaced", data: { total: 3 }, metadata: { $correlationId: "c", deep: { n: 1 } } }),
      binaryEvent({ type: "OrderScanned", data: Buffer.from([1, 2, 3]) }),
    ]);
    const link = binaryEvent({ type: "$>", data: Buffer.from(`0@${stream("order-1")}`) });
    await client.appendToStream(stream("links-1"), [
      link,
      jsonEvent({ type: "Seen", data: {} }),
      { ...link, id: randomUUID() },
    ]);

    const log = await readLog(store);

    expect(
      log.map(({ streamId, version, type, data, metadata }) => [streamId, version, type, data, metadata]),
    ).toStrictEqual([
      ["order-1", 1, "OrderPlaced", { total: 3 }, { correlationId: "c", deep: { n: 1 } }],
      ["order-1", 2, "OrderScanned", { base64: "AQID" }, {}],
      ["links-1", 2, "Seen", {}, {}],
    ]);
    expect(await gather(streamEvents(store, "order-1"))).toStrictEqual(log.slice(0, 2));
    expect(await gather(streamEvents(store, "links-1"))).toStrictEqual(log.slice(2));
    expect(await store.head()).toBe(log[2]?.position);
    expect((await store.append(writeOf("order-1", 2))).versions).toStrictEqual([3]);
    expect((await store.append(writeOf("links-1", 3))).versions).toStrictEqual([4]);
  });

  it("is woken by what they write", async () => {
    await using opened = await open(server);
    const { store, client, stream } = opened;
    const live = allEvents(store, { live: true });
    const first = live.next();
    await client.appendToStream(stream("order-1"), jsonEvent({ type: "OrderPlaced", data: {} }));

    expect((await first).value).toMatchObject({ streamId: "order-1", version: 1 });
    await live.return();
  });

  it("loses none of many appends of theirs to the stream that it writes itself", async () => {
    await using opened = await open(server);
    const { store, client, stream } = opened;
    const theirs = Array.from({ length: 40 }, (_, n) => jsonEvent({ type: "Theirs", data: { n } }));
    const ours = Array.from({ length: 40 }, () => writeOf("a-1", "any"));

    await Promise.all([
      ...theirs.map((event) => client.appendToStream(stream("a-1"), event)),
      ...ours.map((write) => store.append(write)),
    ]);

    const ids = (await readLog(store)).map(({ id }) => id);
    expect(ids.toSorted()).toStrictEqual(
      [...theirs, ...ours.flatMap(({ events }) => events)].map(({ id }) => id ?? "").toSorted(),
    );
  });

  it("has its own events, registers and positions, as others on the server have theirs", async () => {
    await using opened = await open(server);
    await using other = await open(server);
    const unnamed = await openKurrentDbEventStore({ connectionString: server.connectionString, timeoutMs: TIMEOUT_MS });
    await opened.store.append(writeOf("user-1", 0, 3));
    await opened.store.registers.set("k", "v");
    await other.store.append(writeOf("user-1", 0));

    expect(await readLog(opened.store)).toHaveLength(3);
    expect(await readLog(other.store)).toHaveLength(1);
    expect(await other.store.registers.get("k")).toBeUndefined();
    const after = await opened.store.head();
    await expect(gather(other.store.readAll({ after }))).rejects.toMatchObject({ code: "ES_INVALID_POSITION" });
    expect(await gather(streamEvents(unnamed, opened.stream("user-1")))).toHaveLength(3);
    await unnamed[Symbol.asyncDispose]();
  });

  it("finds categories and types by expressions that the server understands as it does", async () => {
    await using opened = await open(server);
    const { store } = opened;
    const odd = ["a.b", "a+b", "(a)", "a|b", "a[b]", "a{2}", "a^b", "a$b", "a\\b", "a#b c", "größe", "日本", "a*?"];
    for (const category of odd) {
      await store.append({ streamId: `${category}-1`, expected: 0, events: [{ type: category, data: 1 }] });
    }

    for (const category of odd) {
      for (const filter of [{ categories: [category] }, { types: [category] }]) {
        const found = await gather(allEvents(store, { filter }));
        expect(found.map(({ streamId }) => streamId)).toStrictEqual([`${category}-1`]);
      }
    }
    expect(await gather(allEvents(store, { filter: { categories: odd } }))).toHaveLength(odd.length);
  });

  it("takes an append that is as large as it says", async () => {
    await using opened = await open(server);
    const { store } = opened;
    const data = "x".repeat(store.capabilities.maxBytesPerAppend - 1_000);

    await store.append({ streamId: "a-1", expected: 0, events: [{ type: "Large", data }] });
    await store.append(writeOf("a-1", 1, store.capabilities.maxEventsPerAppend));

    const events = await gather(streamEvents(store, "a-1"));
    expect(events).toHaveLength(1 + store.capabilities.maxEventsPerAppend);
    expect(events[0]?.data).toBe(data);
  });
});
