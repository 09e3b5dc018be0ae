import { setTimeout as sleep } from "node:timers/promises";
import pg from "pg";
import { type PostgresServer, startPostgres, startTcpProxy, type TcpProxy } from "test-servers";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { openPostgresEventStore, type PostgresEventStore } from "../src/index.ts";
import { openDatabase, type TestDatabase } from "./database.ts";

let server: PostgresServer;

beforeAll(async () => {
  server = await startPostgres();
}, 120_000);

afterAll(async () => {
  await server[Symbol.asyncDispose]();
});

const MODES = [
  { name: "straight to the server", options: {} },
  { name: "prepared: false", options: { prepared: false } },
] as const;

/** Holds the row of a register until it is committed. */
async function hold(database: TestDatabase, key: string): Promise<pg.Client> {
  const holder = await database.connect();
  await holder.query("BEGIN");
  await holder.query("SELECT 1 FROM es.registers WHERE key = $1 FOR UPDATE", [key]);
  return holder;
}

async function untilOneWaits(database: TestDatabase): Promise<void> {
  const waiting = "SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()";
  await expect.poll(() => database.query(waiting), { timeout: 5_000 }).not.toHaveLength(0);
}

/** Cuts each connection as soon as the server has answered the COMMIT or, where there is none, the statement. */
async function cutTheAnswer(database: TestDatabase, proxy: TcpProxy, write: () => Promise<unknown>): Promise<unknown> {
  // The trigger's lock is taken behind the write of the row, so that only the last answer is still to come.
  const holder = await database.connect();
  await holder.query("BEGIN; SELECT pg_advisory_xact_lock(4711)");
  const outcome = write().catch((error: unknown) => error);
  await untilOneWaits(database);
  const cut = proxy.cutAfterBytes(1, "to-client");
  await holder.query("COMMIT");
  await cut;
  return outcome;
}

/** Makes the COMMIT of each write of a register wait for a lock. */
async function waitInCommit(database: TestDatabase): Promise<void> {
  await database.query(
    "CREATE FUNCTION wait() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_advisory_xact_lock_shared(4711); RETURN NULL; END $$",
  );
  await database.query(
    "CREATE CONSTRAINT TRIGGER wait AFTER INSERT OR UPDATE ON es.registers DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION wait()",
  );
}

describe.each(MODES)("registers ($name)", ({ options }) => {
  const open = async (database: TestDatabase, proxy: TcpProxy): Promise<PostgresEventStore> =>
    openPostgresEventStore({ url: proxy.urlFor(database.url), ...options, listen: false });

  it("settle a write whose answer is lost, and write it once", async () => {
    await using database = await openDatabase(server);
    await using proxy = await startTcpProxy(server);
    await using store = await open(database, proxy);
    await waitInCommit(database);

    expect(await cutTheAnswer(database, proxy, () => store.registers.set("k", "v1", { expected: 0 }))).toBe(1);
    expect(await cutTheAnswer(database, proxy, () => store.registers.set("k", "v2", { expected: 1 }))).toBe(2);
    expect(await cutTheAnswer(database, proxy, () => store.registers.set("k", "v3"))).toBe(3);
    expect(await store.registers.get("k")).toStrictEqual({ value: "v3", revision: 3 });
    expect(await cutTheAnswer(database, proxy, () => store.registers.delete("k", { expected: 3 }))).toBe(true);
    expect(await store.registers.get("k")).toBeUndefined();
  });

  it("write again what was lost with its connection before it was written", async () => {
    await using database = await openDatabase(server);
    await using proxy = await startTcpProxy(server);
    await using store = await open(database, proxy);
    await store.registers.set("k", "v1");
    const holder = await hold(database, "k");

    const write = store.registers.set("k", "v2", { expected: 1 });
    await untilOneWaits(database);
    proxy.cutAll();
    await sleep(100);
    await holder.query("ROLLBACK");

    expect(await write).toBe(2);
    expect(await store.registers.get("k")).toStrictEqual({ value: "v2", revision: 2 });
  });

  it("do not take the same value of a rival for a write that was lost", async () => {
    await using database = await openDatabase(server);
    await using proxy = await startTcpProxy(server);
    await using store = await open(database, proxy);
    await store.registers.set("k", "v1");
    const holder = await hold(database, "k");
    await holder.query("UPDATE es.registers SET value = 'v2', revision = 2 WHERE key = 'k'");

    const write = store.registers.set("k", "v2", { expected: 1 });
    await untilOneWaits(database);
    proxy.cutAll();
    await sleep(100);
    await holder.query("COMMIT");

    expect(await write).toBeUndefined();
  });

  it("write nothing any more once an aborted call has ended", async () => {
    await using database = await openDatabase(server);
    const store = await database.open(options);
    await store.registers.set("k", "v1");
    const holder = await hold(database, "k");
    const controller = new AbortController();

    const write = store.registers.set("k", "v2", { expected: 1, signal: controller.signal });
    await untilOneWaits(database);
    controller.abort();
    const first = await Promise.race([write, sleep(200, "still under way")]);
    await holder.query("COMMIT");

    expect(first).toBe("still under way");
    expect(await write).toBe(2);
    await expect(store.registers.set("k", "v3", { signal: controller.signal })).rejects.toMatchObject({
      code: "ES_ABORTED",
    });
    expect(await store.registers.get("k")).toStrictEqual({ value: "v2", revision: 2 });
  });

  it.each([undefined, 1])("write nothing any more once a call has run out of time (expected: %s)", async (expected) => {
    await using database = await openDatabase(server);
    const pool = new pg.Pool({ connectionString: database.url, max: 4 });
    await using store = await openPostgresEventStore({ pool, ...options, timeoutMs: 300 });
    await store.registers.set("k", "v1");
    const holder = await hold(database, "k");

    const write = store.registers.set("k", "v2", expected === undefined ? {} : { expected });
    await expect(write).rejects.toMatchObject({ code: "ES_STORE_UNAVAILABLE" });
    await holder.query("COMMIT");
    await sleep(200);

    expect(await store.registers.get("k")).toStrictEqual({ value: "v1", revision: 1 });
    await store[Symbol.asyncDispose]();
    await pool.end();
  });
});
