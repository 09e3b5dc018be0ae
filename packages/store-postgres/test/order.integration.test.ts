import type { Page } from "@es/core";
import { readLog, writeOf } from "test-helpers";
import { type PostgresServer, startPostgres } from "test-servers";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { openDatabase } from "./database.ts";
import { runOrderTrial } from "./order-trial.ts";

let server: PostgresServer;

beforeAll(async () => {
  server = await startPostgres();
}, 120_000);

afterAll(async () => {
  await server[Symbol.asyncDispose]();
});

describe("the order of the log", () => {
  it("is that of a replay for every reader, while writers of several processes do their worst", {
    timeout: 180_000,
  }, async () => {
    await using database = await openDatabase(server);

    const report = await runOrderTrial(database, { events: 10_000, processes: 3, writers: 8 });

    expect(report.delivered).toBeGreaterThanOrEqual(10_000);
    expect(report.problems).toStrictEqual([]);
  });

  it("does not wait for a foreign transaction that never appended", async () => {
    await using database = await openDatabase(server);
    const store = await database.open();
    const foreign = await database.connect();
    await foreign.query("CREATE TABLE other (x int)");
    await foreign.query("BEGIN ISOLATION LEVEL REPEATABLE READ");
    await foreign.query("INSERT INTO other VALUES (1)");

    const { position } = await store.append(writeOf("a-1", 0));

    expect(await store.head()).toBe(position);
    await foreign.query("ROLLBACK");
  });

  it("does not wait for an open transaction of another store in the same database", async () => {
    await using database = await openDatabase(server);
    const store = await database.open();
    const other = await database.open({ prefix: "other_" });

    await other.transaction(async (tx) => {
      await other.append(writeOf("b-1", 0), { tx });
      const { position } = await store.append(writeOf("a-1", 0));
      expect(await store.head()).toBe(position);
    });
  });

  it("holds later events back until a transaction that has appended ends, and delivers all of them then", async () => {
    await using database = await openDatabase(server);
    const store = await database.open();
    await store.append(writeOf("a-1", 0));
    const before = await store.head();

    await store.transaction(async (tx) => {
      await store.append(writeOf("b-1", 0), { tx });
      await store.append(writeOf("c-1", 0));
      expect(await store.head()).toBe(before);
      expect(await readLog(store)).toHaveLength(1);
    });

    expect((await readLog(store)).map(({ streamId }) => streamId)).toStrictEqual(["a-1", "b-1", "c-1"]);
  });

  it("goes on behind positions that a rolled-back transaction has used up", async () => {
    await using database = await openDatabase(server);
    const store = await database.open();
    const rolledBack = store.transaction(async (tx) => {
      await store.append(writeOf("a-1", 0, 5), { tx });
      throw new Error("no");
    });
    await expect(rolledBack).rejects.toThrow("no");

    const { position } = await store.append(writeOf("b-1", 0));

    expect(await store.head()).toBe(position);
    expect(await readLog(store)).toHaveLength(1);
  });

  it("protects the first event of a new store", async () => {
    await using database = await openDatabase(server);
    const store = await database.open();

    await store.transaction(async (tx) => {
      await store.append(writeOf("first-1", 0), { tx });
      await store.append(writeOf("second-1", 0));
      expect(await store.head()).toBe("");
    });

    expect((await readLog(store)).map(({ streamId }) => streamId)).toStrictEqual(["first-1", "second-1"]);
  });

  it("protects rows that are inserted by hand as well", async () => {
    await using database = await openDatabase(server);
    const store = await database.open();
    const client = await database.connect();
    await client.query("BEGIN");
    await client.query(
      "INSERT INTO es.events (stream, version, id, type, data) VALUES ('hand-1', 1, gen_random_uuid(), 'Made', '{}')",
    );

    await store.append(writeOf("a-1", 0));

    expect(await store.head()).toBe("");
    await client.query("COMMIT");
    expect((await readLog(store)).map(({ streamId }) => streamId)).toStrictEqual(["hand-1", "a-1"]);
  });

  it("keeps a position that a reader has passed valid while a slow writer holds the head back", async () => {
    await using database = await openDatabase(server);
    const store = await database.open();
    const other = await database.open();
    await store.append(writeOf("a-1", 0, 10));
    const passed = await store.head();
    // What a writer does that has read the sequence, and is slow to take its lock.
    const slow = await database.connect();
    await slow.query("BEGIN");
    const namespace = await database.query(
      "SELECT substring(prosrc from '\\(\\((\\d+)::bigint') FROM pg_proc WHERE proname = 'announce'",
    );
    await slow.query(`SELECT pg_advisory_xact_lock_shared((${String(namespace[0]?.[0])}::bigint << 48) | 3)`);

    expect(await store.head()).toBe(passed);
    const pages: Page[] = [];
    for await (const page of other.readAll({ after: passed })) pages.push(page);
    expect(pages).toStrictEqual([{ events: [], next: passed, isCaughtUp: true }]);
    await slow.query("ROLLBACK");
  });
});
