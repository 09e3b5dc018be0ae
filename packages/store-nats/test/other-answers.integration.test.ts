import { connect, type NatsConnection } from "@nats-io/transport-node";
import { collect, readLog, writeOf } from "test-helpers";
import { type NatsServer, startNats } from "test-servers";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { openNatsEventStore } from "../src/index.ts";
import { lossyClient } from "./lossy-client.ts";

describe.each(["oldest", "newest"] as const)("on the %s server", (version) => {
  let server: NatsServer;
  let connection: NatsConnection;
  beforeAll(async () => {
    server = await startNats({ version, isPrivate: true });
    connection = await connect({ servers: server.url, maxReconnectAttempts: -1, reconnectTimeWait: 50 });
  });
  afterAll(async () => {
    await connection.close();
    await server[Symbol.asyncDispose]();
  });
  const api = async (name: string, body?: unknown): Promise<unknown> => {
    const answer = await connection.request(`$JS.API.${name}`, JSON.stringify(body ?? {}), { timeout: 5_000 });
    expect(answer.json()).not.toHaveProperty("error");
    return answer.json();
  };
  const configOf = async (stream: string): Promise<object> => {
    const answer = await connection.request(`$JS.API.STREAM.INFO.${stream}`, "", { timeout: 5_000 });
    return answer.json<{ config: object }>().config;
  };

  it("a mirror of the streams, which answers direct gets too, hides nothing", async () => {
    await using store = await openNatsEventStore({ servers: server.url, name: "mirrored" });
    for (let n = 0; n < 60; n += 1) await store.append(writeOf(`a-${n % 2}`));
    await store.registers.set("key", "value");
    // Whoever owns a mirror may remove what is in it, and it may lag behind.
    for (const stream of ["mirrored-events", "KV_mirrored-registers"]) {
      await api(`STREAM.CREATE.M-${stream}`, { name: `M-${stream}`, mirror: { name: stream }, num_replicas: 1 });
      await expect.poll(async () => await api(`STREAM.INFO.M-${stream}`)).toMatchObject({ state: { first_seq: 1 } });
      await api(`STREAM.PURGE.M-${stream}`, { keep: 1 });
    }

    for (let round = 0; round < 20; round += 1) {
      expect(await collect(store.readStream("a-0"))).toHaveLength(30);
      expect(await collect(store.readStream("a-0", { direction: "backward", limit: 3 }))).toHaveLength(3);
      expect(await readLog(store)).toHaveLength(60);
      const filtered: string[] = [];
      for await (const { events } of store.readAll({ filter: { categories: ["a"] } })) {
        filtered.push(...events.map(({ id }) => id));
      }
      expect(filtered).toHaveLength(60);
      expect(await store.registers.get("key")).toMatchObject({ value: "value" });
    }
  });

  it("a log that was set back while the store was open is not built on from memory", async () => {
    await using store = await openNatsEventStore({ connection, name: "back" });
    for (let n = 0; n < 3; n += 1) await store.append(writeOf("a-1", n));
    // As after a power failure that took the newest commits, and others wrote in their places.
    const config = await configOf("back-events");
    await api("STREAM.DELETE.back-events");
    await api("STREAM.CREATE.back-events", config);
    await using other = await openNatsEventStore({ servers: server.url, name: "back" });
    await other.append(writeOf("a-1", 0, 2));
    await other.append(writeOf("b-1", 0));
    await other.append(writeOf("a-1", 2, 3));
    const status = connection.status()[Symbol.asyncIterator]();
    await server.restart();
    while ((await status.next()).value?.type !== "reconnect");

    await expect(store.append(writeOf("a-1", 3))).rejects.toMatchObject({ code: "ES_CONCURRENCY", actual: 5 });
    expect(await collect(store.readStream("a-1", { from: 4 }))).toHaveLength(2);
  });

  it("streams of another identity in place of the ones that were opened are noticed after a reconnection", async () => {
    await using store = await openNatsEventStore({ connection, name: "replaced" });
    await store.append(writeOf("a-1", 0));
    await api("STREAM.DELETE.replaced-events");
    await api("STREAM.DELETE.KV_replaced-registers");
    await using other = await openNatsEventStore({ servers: server.url, name: "replaced" });
    await other.append(writeOf("a-1", 0));
    const status = connection.status()[Symbol.asyncIterator]();
    await server.restart();
    while ((await status.next()).value?.type !== "reconnect");

    const refusal = { code: "ES_STORE_FORMAT", message: expect.stringContaining("another one") };
    await expect(store.append(writeOf("a-1", 1))).rejects.toMatchObject(refusal);
    await expect(store.head()).rejects.toMatchObject(refusal);
    await expect(collect(store.readStream("a-1"))).rejects.toMatchObject(refusal);
    await expect(readLog(store)).rejects.toMatchObject(refusal);
  });

  it("registers that are written while keys are listed are listed", async () => {
    await using store = await openNatsEventStore({ servers: server.url, name: "listed" });
    const keys = Array.from({ length: 3_000 }, (_, n) => `k${String(n).padStart(4, "0")}`);
    const setAll = async (some: readonly string[]): Promise<void> => {
      for (const key of some) connection.publish(`$KV.listed-registers.${key}`, "v");
      await connection.flush();
    };
    await setAll(keys);

    const found: string[] = [];
    for await (const key of store.registers.keys("k")) {
      if (found.length === 0) await setAll(keys.slice(1_000));
      found.push(key);
    }

    expect(found.toSorted()).toStrictEqual(keys);
  });

  it("a message that gets lost on its way to the reader is fetched again", async () => {
    let received = 0;
    const lossy = lossyClient(connection, ({ headers }) => {
      if (headers?.has("Es-Commit")) received += 1;
      return headers?.has("Es-Commit") === true && (received === 7 || received === 42);
    });
    await using store = await openNatsEventStore({ connection: lossy, name: "lossy" });
    for (let n = 0; n < 30; n += 1) await store.append(writeOf(`a-${n % 2}`));

    const filtered: string[] = [];
    for await (const { events } of store.readAll({ filter: { categories: ["a"] } })) {
      filtered.push(...events.map(({ id }) => id));
    }
    const all = await readLog(store);
    expect(filtered).toStrictEqual(all.map(({ id }) => id));
    expect(all).toHaveLength(30);
    expect(received).toBeGreaterThan(60);
  });
});
