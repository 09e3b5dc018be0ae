import { setTimeout as sleep } from "node:timers/promises";
import { isEventSourcingError } from "@es/core";
import { Child, readLog, writeOf } from "test-helpers";
import { type PostgresServer, startPostgres, startTcpProxy } from "test-servers";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { openPostgresEventStore } from "../src/index.ts";
import { openDatabase } from "./database.ts";
import { MODES } from "./modes.ts";
import { expectReconciled, writeUntil } from "./reconcile.ts";

const CALLERS = 16;

let server: PostgresServer;

beforeAll(async () => {
  server = await startPostgres();
}, 120_000);

afterAll(async () => {
  await server[Symbol.asyncDispose]();
});

describe("faults", () => {
  it.each(MODES)("appends survive backends that are terminated at random ($name)", async ({ options }) => {
    await using database = await openDatabase(server);
    const store = await database.open(options);
    const admin = await database.connect();
    let isOver = false;
    const writing = writeUntil(store, () => isOver, { callers: CALLERS });

    for (let n = 0; n < 60; n += 1) {
      await sleep(Math.random() * 30);
      await admin.query(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'event-store' AND datname = current_database() AND random() < 0.5",
      );
    }
    isOver = true;

    const told = await writing;
    expect(told.filter(({ outcome }) => outcome === "unknown")).toStrictEqual([]);
    expectReconciled(await readLog(store), told);
    expect((await store.append(writeOf("after-1", 0))).versions).toStrictEqual([1]);
  });

  it.each(MODES)("appends survive connections that are cut at random bytes ($name)", async ({ options }) => {
    await using database = await openDatabase(server);
    await using proxy = await startTcpProxy(server);
    await using store = await openPostgresEventStore({ url: proxy.urlFor(database.url), ...options });
    let isOver = false;
    const writing = writeUntil(store, () => isOver, { callers: CALLERS });

    for (let n = 0; n < 60; n += 1) {
      const bytes = Math.ceil(Math.random() * 20_000);
      await proxy.cutAfterBytes(bytes, n % 2 === 0 ? "to-server" : "to-client");
    }
    isOver = true;

    const told = await writing;
    expect(told.filter(({ outcome }) => outcome === "unknown")).toStrictEqual([]);
    expectReconciled(await readLog(store), told);
  });

  it.each(["stop", "kill"] as const)(
    "appends and live reads survive a server that goes away (%s) and comes back",
    async (how) => {
      await using database = await openDatabase(server);
      const store = await database.open();
      const seen: string[] = [];
      const controller = new AbortController();
      const following = (async () => {
        for await (const page of store.readAll({ live: true, signal: controller.signal })) {
          seen.push(...page.events.map(({ id }) => id));
        }
      })();
      let isOver = false;
      const writing = writeUntil(store, () => isOver, { callers: CALLERS });

      for (let n = 0; n < 3; n += 1) {
        await sleep(100 + Math.random() * 100);
        await server[how]();
        await server.start();
      }
      await sleep(200);
      isOver = true;

      const told = await writing;
      const log = await readLog(store);
      expectReconciled(log, told);
      expect(told.filter(({ outcome }) => outcome === "stored").length).toBeGreaterThan(CALLERS);
      await expect.poll(() => seen.length, { timeout: 5_000 }).toBe(log.length);
      controller.abort();
      await expect(following).rejects.toMatchObject({ code: "ES_ABORTED" });
      expect(seen).toStrictEqual(log.map(({ id }) => id));
    },
  );

  it("a live read outlasts a server that is away for longer than a call may take, and one that begins meanwhile", async () => {
    await using database = await openDatabase(server);
    const store = await database.open({ timeoutMs: 300, pollIntervalMs: 20 });
    await store.append(writeOf("a-1", 0));
    const controller = new AbortController();
    const follow = async (seen: string[]): Promise<void> => {
      for await (const page of store.readAll({ live: true, pageSize: 1, signal: controller.signal })) {
        seen.push(...page.events.map(({ streamId, version }) => `${streamId} ${version}`));
      }
    };
    const [early, late]: [string[], string[]] = [[], []];
    const following = [follow(early)];
    await expect.poll(() => early).toHaveLength(1);

    await server.stop();
    following.push(follow(late));
    // What fails wakes the readers, who then ask a server that is not there.
    await expect(store.append(writeOf("a-1", 1))).rejects.toMatchObject({ code: "ES_STORE_UNAVAILABLE" });
    await expect(readLog(store)).rejects.toMatchObject({ code: "ES_STORE_UNAVAILABLE" });
    await sleep(1_000);
    await server.start();
    await expect
      .poll(
        async () =>
          store.append(writeOf("b-1", "any")).then(
            () => true,
            () => false,
          ),
        { timeout: 10_000 },
      )
      .toBe(true);

    for (const seen of [early, late]) {
      await expect.poll(() => seen, { timeout: 10_000 }).toStrictEqual(["a-1 1", "b-1 1"]);
    }
    controller.abort();
    for (const outcome of await Promise.allSettled(following))
      expect(outcome).toMatchObject({ status: "rejected", reason: { code: "ES_ABORTED" } });
  });

  it.each([false, true])("what a process has acknowledged is there when it is killed (tags: %s)", async (tags) => {
    await using database = await openDatabase(server);
    const store = await database.open({ tags });
    const acknowledged: string[] = [];
    for (let round = 0; round < 4; round += 1) {
      const child = new Child(new URL("./child/write.ts", import.meta.url), {
        url: database.url,
        tags,
        name: `round${round}`,
      });
      await expect.poll(() => child.lines.length, { timeout: 20_000, interval: 2 }).toBeGreaterThan(100 * (round + 1));
      await child.kill();
      acknowledged.push(...child.lines.flat().map(String));
    }
    // What the killed processes had sent may still be on its way.
    const left =
      "SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'event-store' AND state <> 'idle'";
    await expect.poll(async () => (await database.query(left)).length, { timeout: 10_000 }).toBe(0);

    const log = await readLog(store);
    const ids = new Set(log.map(({ id }) => id));
    expect(ids.size).toBe(log.length);
    expect(acknowledged.filter((id) => !ids.has(id))).toStrictEqual([]);
    const versions = new Map<string, number>();
    for (const { streamId, version } of log) {
      expect(version).toBe((versions.get(streamId) ?? 0) + 1);
      versions.set(streamId, version);
    }
    // Both events of an append, or none.
    expect([...versions.values()].filter((version) => version % 2 !== 0)).toStrictEqual([]);
  });

  it.each(MODES)(
    "an append whose answer never comes is unknown, and its repetition finds out ($name)",
    async ({ options }) => {
      await using database = await openDatabase(server);
      await using proxy = await startTcpProxy(server);
      await using store = await openPostgresEventStore({
        url: proxy.urlFor(database.url),
        ...options,
        listen: false,
        timeoutMs: 600,
      });
      await store.append(writeOf("warm-1", 0));
      const write = writeOf("a-1", 0);
      const append = store.append(write);
      await Promise.resolve();
      setImmediate(() => proxy.pause());

      const outcome = await append.then(
        () => "stored",
        (reason: unknown) => (isEventSourcingError(reason) ? reason.code : String(reason)),
      );
      proxy.cutAll();
      proxy.resume();

      const result = await store.append(write);
      expect(result.versions).toStrictEqual([1]);
      expect(["stored", "ES_UNKNOWN_OUTCOME", "ES_STORE_UNAVAILABLE"]).toContain(outcome);
      expect(await readLog(store)).toHaveLength(2);
    },
  );

  it("a refusal of the disk is reported, loses nothing, and ends by itself", async () => {
    await using database = await openDatabase(server);
    const store = await database.open({ timeoutMs: 400 });
    await store.append(writeOf("a-1", 0));
    await database.query(`
      CREATE FUNCTION es.full() RETURNS trigger LANGUAGE plpgsql AS $$
      BEGIN RAISE EXCEPTION 'could not extend file: No space left on device' USING ERRCODE = 'disk_full'; END $$;
      CREATE TRIGGER full_disk BEFORE INSERT ON es.events FOR EACH ROW EXECUTE FUNCTION es.full()`);

    const appends = await Promise.allSettled([1, 2, 3].map((n) => store.append(writeOf(`b-${n}`, 0))));
    for (const one of appends) {
      expect(one).toMatchObject({ status: "rejected", reason: { code: "ES_STORE_UNAVAILABLE", retryable: true } });
    }
    await database.query("DROP TRIGGER full_disk ON es.events");

    expect((await store.append(writeOf("a-1", 1))).versions).toStrictEqual([2]);
    expect(await readLog(store)).toHaveLength(2);
  });

  it("a commit of a transaction whose answer is lost is settled", async () => {
    await using database = await openDatabase(server);
    await using proxy = await startTcpProxy(server);
    await using store = await openPostgresEventStore({ url: proxy.urlFor(database.url), listen: false });
    let committed = 0;
    for (let n = 0; n < 40; n += 1) {
      const streamId = `t-${n}`;
      const work = store.transaction(async (tx) => {
        await store.append(writeOf(streamId, 0), { tx });
        void proxy.cutAfterBytes(1 + n * 4, n % 2 === 0 ? "to-server" : "to-client");
      });
      const outcome = await work.then(
        () => "committed",
        () => "failed",
      );
      proxy.cutAll();
      const stored = await database.query("SELECT 1 FROM es.events WHERE stream = $1", [streamId]);
      expect(stored.length, `transaction ${n} that was said to be ${outcome}`).toBe(outcome === "committed" ? 1 : 0);
      committed += stored.length;
    }
    expect(await readLog(store)).toHaveLength(committed);
  });

  it.each(MODES)(
    "an append that still runs on the server when its connection is lost is not stored twice ($name)",
    async ({ options }) => {
      await using database = await openDatabase(server);
      await using proxy = await startTcpProxy(server);
      await using store = await openPostgresEventStore({ url: proxy.urlFor(database.url), ...options, listen: false });
      await store.append(writeOf("hot-1", 0));
      const foreign = await database.connect();
      await foreign.query("BEGIN");
      await store.append(writeOf("hot-1", 1), { tx: foreign });
      const write = writeOf("hot-1", "any");
      const append = store.append(write);
      const waiting =
        "SELECT pid FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()";
      const isPatient = async (): Promise<boolean> => {
        const [before] = await database.query(waiting);
        // Longer than a group waits, so this is the connection of the append alone.
        await sleep(150);
        const [after] = await database.query(waiting);
        return before !== undefined && before[0] === after?.[0];
      };
      await expect.poll(isPatient, { timeout: 5_000 }).toBe(true);

      proxy.cutAll();
      await sleep(100);
      await foreign.query("ROLLBACK");

      expect((await append).versions).toStrictEqual([2]);
      expect((await readLog(store)).map(({ id }) => id).slice(1)).toStrictEqual(write.events.map(({ id }) => id));
    },
  );
});
