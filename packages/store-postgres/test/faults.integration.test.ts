import { setTimeout as sleep } from "node:timers/promises";
import { type PostgresServer, startPostgres, startTcpProxy } from "test-servers";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { openPostgresEventStore } from "../src/index.ts";
import { openDatabase } from "./database.ts";
import { newWrite } from "./new-write.ts";
import { expectReconciled, readLog, writeUntil } from "./reconcile.ts";

const CALLERS = 16;

let server: PostgresServer;

beforeAll(async () => {
  server = await startPostgres();
}, 120_000);

afterAll(async () => {
  await server[Symbol.asyncDispose]();
});

/** How the store may reach its database. */
const MODES = [
  { name: "one statement for each group", options: {} },
  { name: "a transaction for each group", options: { prepared: false } },
  { name: "tags", options: { tags: true } },
] as const;

describe("faults", () => {
  it.each(MODES)("appends survive backends that are terminated at random ($name)", async ({ options }) => {
    await using database = await openDatabase(server);
    const store = await database.open(options);
    const admin = await database.connect();
    let isOver = false;
    const writing = writeUntil(store, () => isOver, CALLERS);

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
    expect((await store.append(newWrite("after-1", 0))).versions).toStrictEqual([1]);
  });

  it.each(MODES)("appends survive connections that are cut at random bytes ($name)", async ({ options }) => {
    await using database = await openDatabase(server);
    await using proxy = await startTcpProxy(server);
    await using store = await openPostgresEventStore({ url: proxy.urlFor(database.url), ...options });
    let isOver = false;
    const writing = writeUntil(store, () => isOver, CALLERS);

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
      const writing = writeUntil(store, () => isOver, CALLERS);

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
});
