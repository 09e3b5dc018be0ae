import pg from "pg";
import { readLog, writeOf } from "test-helpers";
import { type PostgresServer, startPostgres, startTcpProxy, type TcpProxy } from "test-servers";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { openPostgresEventStore, type PostgresEventStore } from "../src/index.ts";

let primary: PostgresServer;
let standby: PostgresServer;
/** Where the proxy leads new connections to. */
let target: { host: string; port: number };
let proxy: TcpProxy;

beforeEach(async () => {
  primary = await startPostgres({ isPrivate: true });
  standby = await primary.startStandby();
  target = { host: primary.host, port: primary.port };
  proxy = await startTcpProxy(target);
}, 120_000);

afterEach(async () => {
  await proxy[Symbol.asyncDispose]();
  await standby[Symbol.asyncDispose]();
  await primary[Symbol.asyncDispose]();
});

async function ask(server: PostgresServer, sql: string): Promise<unknown> {
  const client = new pg.Client({ connectionString: server.url });
  await client.connect();
  try {
    return (await client.query<[unknown]>({ text: sql, rowMode: "array" })).rows[0]?.[0];
  } finally {
    await client.end();
  }
}

async function untilReplayed(): Promise<void> {
  const written = String(await ask(primary, "SELECT pg_current_wal_lsn()"));
  const replayed = `SELECT pg_last_wal_replay_lsn() >= '${written}'::pg_lsn`;
  await expect.poll(async () => ask(standby, replayed), { timeout: 10_000 }).toBe(true);
}

/** The address of the store leads to the standby from now on. */
function switchOver(): void {
  target.port = standby.port;
  proxy.cutAll();
}

/** Reads live and notes the streams and versions; resolves to the error that ends it. */
async function follow(store: PostgresEventStore, seen: string[], signal: AbortSignal): Promise<unknown> {
  try {
    for await (const page of store.readAll({ live: true, signal })) {
      seen.push(...page.events.map(({ streamId, version }) => `${streamId} ${version}`));
    }
    return undefined;
  } catch (error) {
    return error;
  }
}

describe("a standby", { timeout: 60_000 }, () => {
  it("is refused when a store is opened", async () => {
    await using store = await openPostgresEventStore({ url: primary.url });
    await store.append(writeOf("a-1", 0));
    await untilReplayed();

    await expect(openPostgresEventStore({ url: standby.url })).rejects.toMatchObject({
      code: "ES_CONFIGURATION",
      message: expect.stringContaining("standby"),
    });
  });

  it.each([{}, { prepared: false }])(
    "is not used before it is promoted, and then the store goes on where it was (%o)",
    async (options) => {
      await using store = await openPostgresEventStore({
        url: proxy.urlFor(primary.url),
        timeoutMs: 1_000,
        ...options,
      });
      const controller = new AbortController();
      const seen: string[] = [];
      const following = follow(store, seen, controller.signal);
      await store.append(writeOf("a-1", 0, 3));
      await store.registers.set("k", "v");
      await untilReplayed();

      await primary.kill();
      switchOver();
      const told = { code: "ES_STORE_UNAVAILABLE", message: expect.stringContaining("standby") };
      await expect(store.append(writeOf("a-1", 3))).rejects.toMatchObject(told);
      await expect(readLog(store)).rejects.toMatchObject(told);
      await expect(store.registers.get("k")).rejects.toMatchObject(told);
      await ask(standby, "SELECT pg_promote()");

      expect((await store.append(writeOf("a-1", 3))).versions).toStrictEqual([4]);
      expect(await store.registers.set("k", "w", { expected: 1 })).toBe(2);
      const all = ["a-1 1", "a-1 2", "a-1 3", "a-1 4"];
      expect((await readLog(store)).map(({ streamId, version }) => `${streamId} ${version}`)).toStrictEqual(all);
      await expect.poll(() => seen, { timeout: 10_000 }).toStrictEqual(all);
      controller.abort();
      expect(await following).toMatchObject({ code: "ES_ABORTED" });
    },
  );

  it("that lacks the last events says so to readers that have seen them, and takes appends behind its own", async () => {
    await using store = await openPostgresEventStore({ url: proxy.urlFor(primary.url), listen: false });
    await store.append(writeOf("a-1", 0, 3));
    await untilReplayed();
    await standby.stop();
    const seen: string[] = [];
    const following = follow(store, seen, AbortSignal.timeout(30_000));
    await store.append(writeOf("a-1", 3, 2));
    await expect.poll(() => seen).toHaveLength(5);

    await primary.kill();
    await standby.start();
    await ask(standby, "SELECT pg_promote()");
    switchOver();

    expect(await following).toMatchObject({ code: "ES_INVALID_POSITION" });
    await expect(store.append(writeOf("a-1", 5))).rejects.toMatchObject({ code: "ES_CONCURRENCY", actual: 3 });
    expect((await store.append(writeOf("a-1", 3))).versions).toStrictEqual([4]);
    expect((await readLog(store)).map(({ version }) => version)).toStrictEqual([1, 2, 3, 4]);
  });
});
