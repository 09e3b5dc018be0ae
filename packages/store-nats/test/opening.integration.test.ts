import { connect, type NatsConnection } from "@nats-io/transport-node";
import { collect, readLog, writeOf } from "test-helpers";
import { type NatsServer, startNats } from "test-servers";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type NatsEventStoreOptions, openNatsEventStore } from "../src/index.ts";
import { lossyClient } from "./lossy-client.ts";

let server: NatsServer;
let connection: NatsConnection;
beforeAll(async () => {
  server = await startNats({ version: "oldest", isPrivate: true });
  connection = await connect({ servers: server.url });
});
afterAll(async () => {
  await connection.close();
  await server[Symbol.asyncDispose]();
});

async function api(name: string, body: unknown): Promise<unknown> {
  const answer = await connection.request(`$JS.API.${name}`, JSON.stringify(body), { timeout: 5_000 });
  return answer.json();
}

async function refused(options: NatsEventStoreOptions, code: string, message: string): Promise<void> {
  await expect(openNatsEventStore(options)).rejects.toMatchObject({ code, message: expect.stringContaining(message) });
}

describe("a server that cannot be used is refused with what to do", () => {
  it("there is none", async () => {
    await refused({ servers: "127.0.0.1:1", timeoutMs: 500 }, "ES_STORE_UNAVAILABLE", "start it, or check the address");
    await refused({ servers: [], timeoutMs: 500 }, "ES_CONFIGURATION", "option servers");
  });

  it("JetStream is off", async () => {
    await using without = await startNats({ version: "oldest", jetstream: false, isPrivate: true });

    await refused({ servers: without.url }, "ES_CONFIGURATION", "jetstream {}");
  });

  it("the user may not create streams, append or read", async () => {
    const config = `authorization { users: [
      { user: admin, password: a },
      { user: reader, password: r, permissions: { publish: { deny: ["$JS.API.STREAM.CREATE.>"] } } },
      { user: writer, password: w, permissions: { publish: { deny: ["es.>"] } } },
    ] }`;
    await using limited = await startNats({ version: "oldest", config, isPrivate: true });
    const servers = limited.url;

    await refused({ servers, user: "reader", password: "r", timeoutMs: 1_000 }, "ES_CONFIGURATION", "may not");
    await using admin = await openNatsEventStore({ servers, user: "admin", password: "a" });
    await using reader = await openNatsEventStore({ servers, user: "reader", password: "r" });
    await using writer = await openNatsEventStore({ servers, user: "writer", password: "w" });

    await expect(writer.append(writeOf("a-1"))).rejects.toMatchObject({ code: "ES_CONFIGURATION" });
    await admin.append(writeOf("a-1"));
    expect(await readLog(reader)).toHaveLength(1);
    expect(await readLog(writer)).toHaveLength(1);
  });
});

describe("the streams", () => {
  it("are created by many processes at once, as one store", async () => {
    const opened = await Promise.all(
      Array.from({ length: 8 }, () => openNatsEventStore({ servers: server.url, name: "at-once" })),
    );

    const identities = await Promise.all(opened.map((store) => store.identity()));
    expect(new Set(identities).size).toBe(1);
    await Promise.all(opened.map((store) => store[Symbol.asyncDispose]()));
  });

  it("of somebody else are refused", async () => {
    await api("STREAM.CREATE.orders-events", { name: "orders-events", subjects: ["orders.*.*"], num_replicas: 1 });

    await refused({ servers: server.url, name: "orders" }, "ES_STORE_FORMAT", "choose another option name");
  });

  it("of other names that take the subjects are named", async () => {
    await api("STREAM.CREATE.OTHER", { name: "OTHER", subjects: ["taken.>"], num_replicas: 1 });

    await refused({ servers: server.url, name: "taken" }, "ES_CONFIGURATION", "choose another option name");
  });

  it("of a newer format are refused", async () => {
    await using _ = await openNatsEventStore({ servers: server.url, name: "newer" });
    await edit("newer-events", (config) => ({
      ...config,
      description: String(config["description"]).replace("format=1", "format=2"),
    }));

    await refused({ servers: server.url, name: "newer" }, "ES_STORE_FORMAT", "install a newer version");
  });

  it("with settings that would lose events are refused, with a list", async () => {
    await using _ = await openNatsEventStore({ servers: server.url, name: "edited" });
    await edit("edited-events", (config) => ({ ...config, max_age: 3_600_000_000_000, max_msgs: 100, discard: "old" }));

    const options = { servers: server.url, name: "edited", storage: "memory" } as const;
    await refused(options, "ES_CONFIGURATION", "max_age is 3600000000000, must be 0");
    await refused(options, "ES_CONFIGURATION", 'discard is "old", must be "new"');
    await refused(options, "ES_CONFIGURATION", 'storage is "file", must be "memory"');
    await edit("edited-events", (config) => ({ ...config, sealed: true }));
    await refused(options, "ES_CONFIGURATION", "sealed is true, must be false");
  });

  it("are not created when that is not wanted", async () => {
    const options = { servers: server.url, name: "missing", createStreams: false };

    await refused(options, "ES_CONFIGURATION", "there is no JetStream stream missing-events");
  });

  it("are in memory when that is asked for, and the store says what that means", async () => {
    await using store = await openNatsEventStore({ servers: server.url, name: "fleeting", storage: "memory" });

    expect(store.capabilities.durability).toBe("none");
    expect(store.capabilities.gaps.durability).toContain("memory");
  });

  it("that are full refuse appends until there is room", async () => {
    await using store = await openNatsEventStore({ servers: server.url, name: "full" });
    await edit("full-events", (config) => ({ ...config, max_msgs: 2, discard: "new" }));
    await using again = await openNatsEventStore({ servers: server.url, name: "full" });
    await store.append(writeOf("a-1"));
    await again.append(writeOf("a-1"));

    await expect(store.append(writeOf("a-1"))).rejects.toMatchObject({ code: "ES_STORE_UNAVAILABLE", retryable: true });
    expect(await readLog(store)).toHaveLength(2);
    await edit("full-events", (config) => ({ ...config, max_msgs: -1 }));
    await store.append(writeOf("a-1"));
  });

  it("that take smaller messages since the store was opened refuse larger appends", async () => {
    const { info } = connection;
    let maxPayload = info?.max_payload ?? 0;
    const client = {
      ...lossyClient(connection, () => false),
      get info() {
        return { version: "2.9.10", ...info, max_payload: maxPayload };
      },
    };
    await using store = await openNatsEventStore({ connection: client, name: "smaller" });
    const large = { ...writeOf("a-1"), events: [{ type: "Large", data: "x".repeat(20_000) }] };
    await store.append(large);

    await edit("smaller-events", (config) => ({ ...config, max_msg_size: 10_000 }));
    await expect(store.append(large)).rejects.toMatchObject({
      code: "ES_CONFIGURATION",
      message: expect.stringContaining("max_msg_size"),
    });
    maxPayload = 10_000;
    await expect(store.append(large)).rejects.toMatchObject({ code: "ES_APPEND_TOO_LARGE" });
    await expect(store.registers.set("k", "x".repeat(20_000))).rejects.toMatchObject({ code: "ES_APPEND_TOO_LARGE" });
    await edit("smaller-events", (config) => ({ ...config, sealed: true }));
    await expect(store.append(writeOf("a-1"))).rejects.toMatchObject({
      code: "ES_CONFIGURATION",
      message: expect.stringContaining("sealed stream"),
    });
    expect(await readLog(store)).toHaveLength(1);
  });

  it("that vanish end every call, also live reads, with what to do", async () => {
    await using store = await openNatsEventStore({ servers: server.url, name: "gone" });
    await store.append(writeOf("a-1"));
    await store.registers.set("k", "v");
    const pages = store.readAll({ live: true })[Symbol.asyncIterator]();
    await pages.next();
    const waiting = pages.next();
    waiting.catch(() => undefined);
    await api("STREAM.DELETE.gone-events", undefined);
    await api("STREAM.DELETE.KV_gone-registers", undefined);

    const calls = [
      waiting,
      store.append(writeOf("a-1", 1)),
      store.append(writeOf("b-1", "no-stream")),
      store.head(),
      readLog(store),
      collect(store.readStream("a-1")),
      collect(store.readStream("a-1", { direction: "backward" })),
      store.registers.get("k"),
    ];

    for (const verdict of await Promise.allSettled(calls)) {
      expect(verdict).toMatchObject({
        reason: { code: "ES_STORE_FORMAT", message: expect.stringMatching(/is gone.*restore it from a backup/) },
      });
    }
  });
});

async function edit(
  stream: string,
  change: (config: Record<string, unknown>) => Record<string, unknown>,
): Promise<void> {
  const info = await connection.request(`$JS.API.STREAM.INFO.${stream}`, "", { timeout: 5_000 });
  const { config } = info.json<{ config: Record<string, unknown> }>();
  const answer = await connection.request(`$JS.API.STREAM.UPDATE.${stream}`, JSON.stringify(change(config)), {
    timeout: 5_000,
  });
  expect(answer.json()).not.toHaveProperty("error");
}

describe("a connection of the caller", () => {
  it("is used and stays open", async () => {
    const store = await openNatsEventStore({ connection, name: "borrowed" });
    await store.append(writeOf("a-1"));
    await store[Symbol.asyncDispose]();

    expect(connection.isClosed()).toBe(false);
    await using again = await openNatsEventStore({ connection, name: "borrowed" });
    expect(await readLog(again)).toHaveLength(1);
  });

  it("that is closed ends every call, also live reads, with StoreClosedError", async () => {
    const own = await connect({ servers: server.url });
    await using store = await openNatsEventStore({ connection: own, name: "closed" });
    const pages = store.readAll({ live: true })[Symbol.asyncIterator]();
    await pages.next();
    const waiting = pages.next();
    await own.close();

    await expect(waiting).rejects.toMatchObject({ code: "ES_STORE_CLOSED" });
    await expect(store.append(writeOf("a-1"))).rejects.toMatchObject({ code: "ES_STORE_CLOSED" });
    await expect(store.head()).rejects.toMatchObject({ code: "ES_STORE_CLOSED" });
    await refused({ connection: own }, "ES_CONFIGURATION", "closed");
  });
});

describe("options that make no sense", () => {
  it.each([
    [{ name: "a.b" }, "option name"],
    [{ replicas: 0 }, "option replicas"],
    [{ timeoutMs: 0.5 }, "option timeoutMs"],
    [{ pollIntervalMs: 0 }, "option pollIntervalMs"],
    [{ domain: "a b" }, "option domain"],
    [{ user: "a", token: "b" }, "only one of"],
    [{ nkeySeed: "SUnonsense" }, "check the options"],
  ])("%j is refused", async (options, message) => {
    await refused({ servers: server.url, ...options }, "ES_CONFIGURATION", message);
  });
});
