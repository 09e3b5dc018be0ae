import { connect } from "@nats-io/transport-node";
import { collect, readLog, writeOf } from "test-helpers";
import { type NatsServer, startNats } from "test-servers";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type NatsEventStore, openNatsEventStore } from "../src/index.ts";

describe.each(["oldest", "newest"] as const)("on the %s server", (version) => {
  let server: NatsServer;
  beforeAll(async () => {
    server = await startNats({ version, isPrivate: true });
  });
  afterAll(async () => {
    await server[Symbol.asyncDispose]();
  });
  const open = (name: string): Promise<NatsEventStore> => openNatsEventStore({ servers: server.url, name });

  it("large commits come in pieces that the connection can take", async () => {
    await using store = await open("large");
    const data = "x".repeat(700_000);
    for (let n = 0; n < 40; n += 1) {
      await store.append({ streamId: "a-1", expected: n, events: [{ type: "Large", data: `${n} ${data}` }] });
    }

    const backward = await collect(store.readStream("a-1", { direction: "backward" }));
    for (const events of [await readLog(store), await collect(store.readStream("a-1")), backward.toReversed()]) {
      expect(events.map(({ version: at, data: text }) => String(text) === `${at - 1} ${data}`)).toStrictEqual(
        Array.from({ length: 40 }, () => true),
      );
    }
  }, 60_000);

  it("any range of a stream is the same part of it, whether the store knows the stream or not", async () => {
    await using writer = await open("ranges");
    for (let n = 0; n < 60; n += 1) await writer.append(writeOf("a-1", "any", (n % 3) + 1));
    const all = await collect(writer.readStream("a-1"));
    expect(all.map(({ version: at }) => at)).toStrictEqual(Array.from({ length: 120 }, (_, index) => index + 1));

    for (const from of [1, 2, 60, 100, 104, 105, 118, 120, 121]) {
      for (const to of [1, 59, 61, 119, 120, 500]) {
        await using fresh = await open("ranges");
        const part = all.filter(({ version: at }) => at >= from && at <= to);
        for (const store of [fresh, writer]) {
          expect(await collect(store.readStream("a-1", { from, to, pageSize: 7 }))).toStrictEqual(part);
          const backward = { from, to, direction: "backward", limit: 10 } as const;
          expect(await collect(store.readStream("a-1", backward))).toStrictEqual(part.toReversed().slice(0, 10));
        }
      }
    }
  }, 60_000);

  it("a long stream that lies unevenly between others is the same from behind", async () => {
    await using store = await open("backward");
    for (let n = 0; n < 900; n += 1) {
      const others = n % 300 === 0 ? 150 : n % 3;
      await Promise.all(Array.from({ length: others }, (_, index) => store.append(writeOf(`b-${index}`))));
      await store.append(writeOf("a-1", "any", (n % 2) + 1));
    }
    const all = await collect(store.readStream("a-1"));

    expect(all).toHaveLength(1_350);
    expect(await collect(store.readStream("a-1", { direction: "backward", pageSize: 100 }))).toStrictEqual(
      all.toReversed(),
    );
    const part = { from: 40, to: 1_000, direction: "backward", limit: 700 } as const;
    expect(await collect(store.readStream("a-1", part))).toStrictEqual(all.slice(300, 1_000).toReversed());
  }, 60_000);

  it("what was known of a stream before others appended does not hide what they appended", async () => {
    await using one = await open("known");
    await using other = await open("known");
    for (let n = 0; n < 30; n += 1) await one.append(writeOf("a-1"));
    await collect(one.readStream("a-1"));
    for (let n = 0; n < 30; n += 1) await other.append(writeOf("a-1"));

    const versions = (await collect(one.readStream("a-1", { from: 31 }))).map(({ version: at }) => at);
    expect(versions).toStrictEqual(Array.from({ length: 30 }, (_, index) => index + 31));
    await expect(one.append(writeOf("a-1", 30))).rejects.toMatchObject({ code: "ES_CONCURRENCY", actual: 60 });
  });

  it("few and many categories are filtered alike", async () => {
    await using store = await open("categories");
    for (let n = 0; n < 200; n += 1) await store.append(writeOf(`c${n % 50}-${n}`));
    const all = await readLog(store);

    for (const count of [1, 3, 32, 33, 49]) {
      const categories = Array.from({ length: count }, (_, index) => `c${index}`);
      const found: string[] = [];
      let next = "";
      for await (const page of store.readAll({ filter: { categories }, pageSize: 11 })) {
        found.push(...page.events.map(({ id }) => id));
        next = page.next;
      }
      const wanted = all.filter(({ streamId }) => categories.includes(streamId.split("-")[0] ?? ""));
      expect(found).toStrictEqual(wanted.map(({ id }) => id));
      expect(next).toBe(await store.head());
    }
  });

  it("a read goes on when the server has lost what it held for it", async () => {
    await using connection = await connect({ servers: server.url });
    await using store = await open("lost");
    for (let n = 0; n < 400; n += 1) await store.append(writeOf(`a-${n % 3}`));
    const ids: string[] = [];
    for await (const page of store.readAll({ filter: { categories: ["a", "b"] }, pageSize: 150 })) {
      ids.push(...page.events.map(({ id }) => id));
      const names = await connection.request("$JS.API.CONSUMER.NAMES.lost-events", "", { timeout: 5_000 });
      for (const name of names.json<{ consumers: string[] | null }>().consumers ?? []) {
        await connection.request(`$JS.API.CONSUMER.DELETE.lost-events.${name}`, "", { timeout: 5_000 });
      }
    }

    expect(ids).toStrictEqual((await readLog(store)).map(({ id }) => id));
    expect(ids).toHaveLength(400);
  });

  it("reads leave nothing behind on the server", async () => {
    await using connection = await connect({ servers: server.url });
    await using store = await open("tidy");
    for (let n = 0; n < 100; n += 1) await store.append(writeOf("a-1"));
    for await (const page of store.readAll({ pageSize: 10 })) if (page.events.length > 0) break;
    for await (const page of store.readStream("a-1", { pageSize: 10 })) if (page.length > 0) break;
    await store.head();

    const info = await connection.request("$JS.API.STREAM.INFO.tidy-events", "", { timeout: 5_000 });
    expect(info.json()).toMatchObject({ state: { consumer_count: 0 } });
  });

  it("a server that does not answer keeps no call waiting beyond its limit, and no abort from ending it", async () => {
    await using silent = await startNats({ version, isPrivate: true });
    const store = await openNatsEventStore({ servers: silent.url, timeoutMs: 1_000 });
    await store.append(writeOf("a-1"));
    silent.pause();
    const startedAt = performance.now();

    const calls = [
      store.head(),
      collect(store.readStream("a-1")),
      readLog(store),
      store.registers.get("k"),
      store.append(writeOf("b-1", 0)),
      store.registers.set("k", "v", { expected: 0 }),
    ];
    const signal = AbortSignal.timeout(100);
    const aborted = [
      store.head({ signal }),
      store.registers.get("k", { signal }),
      store.append(writeOf("c-1"), { signal }),
    ];

    for (const verdict of await Promise.allSettled(aborted))
      expect(verdict).toMatchObject({ reason: { code: "ES_ABORTED" } });
    expect(performance.now() - startedAt).toBeLessThan(900);
    const codes = (await Promise.allSettled(calls)).map((one) =>
      one.status === "rejected" ? one.reason.code : "stored",
    );
    expect(codes).toStrictEqual([
      "ES_STORE_UNAVAILABLE",
      "ES_STORE_UNAVAILABLE",
      "ES_STORE_UNAVAILABLE",
      "ES_STORE_UNAVAILABLE",
      "ES_UNKNOWN_OUTCOME",
      "ES_STORE_UNAVAILABLE",
    ]);
    await store[Symbol.asyncDispose]();
    expect(performance.now() - startedAt).toBeLessThan(5_000);
    silent.resume();
  });
});
