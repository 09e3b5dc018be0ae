import { connect, headers } from "@nats-io/transport-node";
import { collect, readLog, writeOf } from "test-helpers";
import { startNats } from "test-servers";
import { expect, it } from "vitest";
import { openNatsEventStore } from "../src/index.ts";

const ID = "0b6a8a52-6f0e-4a3c-9d8f-0c1d2e3f4a5b";
const OTHER_ID = "1b6a8a52-6f0e-4a3c-9d8f-0c1d2e3f4a5b";

it("keeps format 1: subjects, headers, bodies and settings", async () => {
  await using server = await startNats({ version: "oldest", isPrivate: true });
  await using connection = await connect({ servers: server.url });
  await using store = await openNatsEventStore({ servers: server.url, name: "shop" });
  await store.append({
    streamId: "user-a.1",
    expected: "no-stream",
    events: [
      { id: ID, type: "Signed", data: { name: "é" } },
      { id: OTHER_ID, type: "Left", data: null, metadata: { by: 1 } },
    ],
  });
  const revision = await store.registers.set("a:b", "value");
  await store.registers.delete("a:b");

  const get = async (stream: string, seq: number) => {
    const answer = await connection.request(`$JS.API.STREAM.MSG.GET.${stream}`, JSON.stringify({ seq }), {
      timeout: 5_000,
    });
    const { message } = answer.json<{ message: { subject: string; hdrs: string; data?: string } }>();
    return {
      subject: message.subject,
      headers: Buffer.from(message.hdrs, "base64")
        .toString()
        .replace(/[0-9a-f-]{36}/, "<id>")
        .trim()
        .split("\r\n"),
      body: Buffer.from(message.data ?? "", "base64").toString(),
    };
  };

  expect(await get("shop-events", 1)).toStrictEqual({
    subject: "shop.user.a=2E1",
    headers: ["NATS/1.0", "Es-Commit: 1 <id> 0 0 2", "Nats-Expected-Last-Subject-Sequence: 0"],
    body: `[{"id":"${ID}","type":"Signed","data":{"name":"é"}},{"id":"${OTHER_ID}","type":"Left","data":null,"metadata":{"by":1}}]`,
  });
  expect(await get("KV_shop-registers", 2)).toStrictEqual({
    subject: "$KV.shop-registers.a=3Ab",
    headers: ["NATS/1.0", "Nats-Expected-Last-Subject-Sequence: 1", "Es-Write: 1 <id> 1", "KV-Operation: DEL"],
    body: "",
  });
  expect(revision).toBe(1);
  const info = await connection.request("$JS.API.STREAM.INFO.shop-events", "", { timeout: 5_000 });
  expect(info.json()).toMatchObject({
    config: {
      description: `@es/store-nats format=1 store=${await store.identity()}`,
      subjects: ["shop.*.*"],
      retention: "limits",
      storage: "file",
      discard: "new",
      deny_delete: true,
      deny_purge: true,
      allow_direct: true,
    },
  });
});

it("reads what format 1 wrote, and refuses what nobody of this package wrote", async () => {
  await using server = await startNats({ version: "oldest", isPrivate: true });
  await using connection = await connect({ servers: server.url });
  await using store = await openNatsEventStore({ servers: server.url, name: "shop" });
  const golden = headers();
  golden.set("Es-Commit", `1 ${ID} 0 0 1`);
  await connection.request("shop.user.==", `[{"id":"${ID}","type":"Signed","data":{"n":1}}]`, {
    headers: golden,
    timeout: 5_000,
  });

  expect(await readLog(store)).toStrictEqual([
    {
      id: ID,
      streamId: "user",
      version: 1,
      position: "0000000000000001.0000",
      type: "Signed",
      data: { n: 1 },
      metadata: {},
      tags: [],
      recordedAt: expect.any(Number),
    },
  ]);

  const foreign = headers();
  foreign.set("Es-Commit", `2 ${OTHER_ID} 1 1 1`);
  await connection.request("shop.user.1", "[]", { headers: foreign, timeout: 5_000 });
  await expect(readLog(store)).rejects.toMatchObject({
    code: "ES_STORE_CORRUPT",
    message: expect.stringContaining("a newer version"),
  });
  await connection.request("shop.user.2", "hello", { timeout: 5_000 });
  await expect(
    store.append({ streamId: "user-2", expected: "any", events: [{ type: "A", data: 1 }] }),
  ).rejects.toMatchObject({
    code: "ES_STORE_CORRUPT",
    message: expect.stringContaining("does something else publish there"),
  });
});

it.each(["oldest", "newest"] as const)("notices a commit that the %s server has lost", async (version) => {
  await using server = await startNats({ version, isPrivate: true });
  await using connection = await connect({ servers: server.url });
  await using store = await openNatsEventStore({ servers: server.url, name: "shop" });
  const api = async (name: string, body: unknown): Promise<void> => {
    const answer = await connection.request(`$JS.API.${name}`, JSON.stringify(body), { timeout: 5_000 });
    expect(answer.json()).not.toHaveProperty("error");
  };
  const info = await connection.request("$JS.API.STREAM.INFO.shop-events", "", { timeout: 5_000 });
  const { config } = info.json<{ config: Record<string, unknown> }>();
  // As the store makes it, nothing can be removed; a damaged disk does not ask.
  await api("STREAM.DELETE.shop-events", undefined);
  await api("STREAM.CREATE.shop-events", { ...config, deny_delete: false });
  for (let n = 0; n < 60; n += 1) await store.append(writeOf(`user-${n % 2}`, Math.floor(n / 2)));
  const [first] = await readLog(store);
  await api("STREAM.MSG.DELETE.shop-events", { seq: 7 });

  const refusal = { code: "ES_STORE_CORRUPT", message: expect.stringContaining("restore a backup") };
  await expect(readLog(store)).rejects.toMatchObject(refusal);
  const filtered = store.readAll({ filter: { categories: ["user"] } });
  await expect(filtered[Symbol.asyncIterator]().next()).rejects.toMatchObject(refusal);
  await expect(collect(store.readStream("user-0"))).rejects.toMatchObject(refusal);
  await expect(collect(store.readStream("user-0", { direction: "backward" }))).rejects.toMatchObject(refusal);
  expect(await collect(store.readStream("user-1"))).toHaveLength(30);
  expect(first?.version).toBe(1);
});
