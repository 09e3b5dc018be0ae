import { idsOf, readLog, writeOf } from "test-helpers";
import { type PostgresServer, startPostgres } from "test-servers";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { openDatabase, type TestDatabase } from "./database.ts";

let server: PostgresServer;

beforeAll(async () => {
  server = await startPostgres();
}, 120_000);

afterAll(async () => {
  await server[Symbol.asyncDispose]();
});

/** Resolves once somebody waits for a lock of somebody else. */
async function untilOneWaits(database: TestDatabase): Promise<void> {
  const waiting = "SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()";
  await expect.poll(() => database.query(waiting), { timeout: 5_000 }).not.toHaveLength(0);
}

describe("transactions", () => {
  it("commit events and the caller's own rows together", async () => {
    await using database = await openDatabase(server);
    const store = await database.open();
    await database.query("CREATE TABLE totals (name text PRIMARY KEY, total int)");
    const client = await database.connect();

    await client.query("BEGIN");
    await client.query("INSERT INTO totals VALUES ('a', 1)");
    await store.append(writeOf("a-1", 0), { tx: client });
    expect(await readLog(store)).toHaveLength(0);
    await client.query("COMMIT");

    expect(await readLog(store)).toHaveLength(1);
    expect(await database.query("SELECT total FROM totals")).toStrictEqual([[1]]);
  });

  it("give their work a client for statements of its own", async () => {
    await using database = await openDatabase(server);
    const store = await database.open();
    await database.query("CREATE TABLE totals (name text PRIMARY KEY, total int)");

    const rows = await store.transaction(async (tx) => {
      await store.append(writeOf("a-1", 0), { tx });
      const inserted = await tx.query<{ total: number }>("INSERT INTO totals VALUES ($1, 7) RETURNING total", ["a"]);
      return inserted.rows;
    });

    expect(rows).toStrictEqual([{ total: 7 }]);
  });

  it("that hang are ended by the server, and hold up nobody any longer", async () => {
    await using database = await openDatabase(server);
    const hanging = await database.open({ transactionIdleTimeoutMs: 100 });
    const other = await database.open();

    const appended = Promise.withResolvers<void>();
    const outcome = hanging.transaction(async (tx) => {
      await hanging.append(writeOf("a-1", 0), { tx });
      appended.resolve();
      await expect.poll(async () => (await readLog(other)).length, { timeout: 5_000 }).toBe(1);
    });
    await appended.promise;
    await other.append(writeOf("a-1", 0));

    await expect(outcome).rejects.toMatchObject({ code: "ES_STORE_UNAVAILABLE" });
    expect((await hanging.transaction((tx) => hanging.append(writeOf("b-1", 0), { tx }))).versions).toStrictEqual([1]);
    expect(await readLog(other)).toHaveLength(2);
  });

  it.each(["COMMIT", "ROLLBACK"])(
    "whose work sends %s and fails say so, and not only how it failed",
    async (statement) => {
      await using database = await openDatabase(server);
      const store = await database.open();

      const outcome = store.transaction(async (tx) => {
        await tx.query(statement);
        throw new Error("and then it fails");
      });

      await expect(outcome).rejects.toMatchObject({
        code: "ES_CONFIGURATION",
        message: expect.stringContaining("ended the transaction itself"),
        cause: expect.objectContaining({ message: "and then it fails" }),
      });
    },
  );

  it("go on after an append in them was refused", async () => {
    await using database = await openDatabase(server);
    const store = await database.open();
    await store.append(writeOf("a-1", 0, 2));

    await store.transaction(async (tx) => {
      await store.append(writeOf("b-1", 0), { tx });
      await expect(store.append(writeOf("a-1", 1), { tx })).rejects.toMatchObject({
        code: "ES_CONCURRENCY",
        actual: 2,
      });
      await store.append(writeOf("b-1", 1), { tx });
    });

    expect((await readLog(store)).map(({ streamId }) => streamId)).toStrictEqual(["a-1", "a-1", "b-1", "b-1"]);
  });

  it("go on after another transaction was faster, and say which version it has reached", async () => {
    await using database = await openDatabase(server);
    const store = await database.open();
    const [rival, client] = [await database.connect(), await database.connect()];
    await rival.query("BEGIN");
    await store.append(writeOf("a-1", 0, 3), { tx: rival });
    await client.query("BEGIN");

    const refusal = store.append(writeOf("a-1", 0), { tx: client }).catch((error: unknown) => error);
    await untilOneWaits(database);
    await rival.query("COMMIT");

    expect(await refusal).toMatchObject({ code: "ES_CONCURRENCY", expected: 0, actual: 3 });
    await store.append(writeOf("b-1", 0), { tx: client });
    await client.query("COMMIT");
    expect(await readLog(store)).toHaveLength(4);
  });

  it("recognise what another transaction has stored meanwhile as their own append", async () => {
    await using database = await openDatabase(server);
    const store = await database.open();
    const [rival, client] = [await database.connect(), await database.connect()];
    const write = writeOf("a-1", 0, 2);
    await rival.query("BEGIN");
    const first = await store.append(write, { tx: rival });
    await client.query("BEGIN");

    const repeated = store.append(write, { tx: client });
    await untilOneWaits(database);
    await rival.query("COMMIT");

    expect(await repeated).toStrictEqual({ ...first, duplicate: true });
    await store.append(writeOf("b-1", 0), { tx: client });
    await client.query("COMMIT");
    expect(await readLog(store)).toHaveLength(3);
  });

  it.each(["REPEATABLE READ", "SERIALIZABLE"])(
    "refuse writes in a snapshot that may be too old (%s)",
    async (level) => {
      await using database = await openDatabase(server);
      const store = await database.open();
      await store.registers.set("k", "v1");
      const client = await database.connect();
      await client.query(`BEGIN ISOLATION LEVEL ${level}; SELECT count(*) FROM es.events`);
      await store.append(writeOf("a-1", 0, 3));
      const revision = await store.registers.set("k", "v2");

      const told = { code: "ES_CONFIGURATION", message: expect.stringContaining("READ COMMITTED") };
      await expect(store.append(writeOf("a-1", 3), { tx: client })).rejects.toMatchObject(told);
      await expect(
        store.registers.set("k", "v3", { tx: client, ...(revision !== undefined && { expected: revision }) }),
      ).rejects.toMatchObject(told);

      expect((await store.registers.get("k", { tx: client }))?.value).toBe("v1");
      await client.query("COMMIT; BEGIN ISOLATION LEVEL READ COMMITTED");
      expect((await store.append(writeOf("a-1", 3), { tx: client })).versions).toStrictEqual([4]);
      await client.query("COMMIT");
    },
  );

  it("work on a client whose prepared statements are discarded", async () => {
    await using database = await openDatabase(server);
    const store = await database.open();
    const client = await database.connect();

    for (let version = 0; version < 3; version += 1) {
      await client.query("BEGIN");
      await store.append(writeOf("a-1", version), { tx: client });
      await store.registers.set("k", "v", { tx: client });
      await client.query("COMMIT");
      await client.query("DISCARD ALL");
    }

    expect(await readLog(store)).toHaveLength(3);
  });

  it("take appends that are made at once, one after the other", async () => {
    await using database = await openDatabase(server);
    const store = await database.open();
    const writes = Array.from({ length: 10 }, (_, n) => writeOf(`a-${n % 3}`, "any"));

    await store.transaction(async (tx) => {
      await Promise.all(writes.map((write) => store.append(write, { tx })));
    });

    expect((await readLog(store)).map(({ id }) => id).toSorted()).toStrictEqual(writes.flatMap(idsOf).toSorted());
  });

  it("refuse a client without an open transaction, of another database, or that is none", async () => {
    await using database = await openDatabase(server);
    await using other = await openDatabase(server);
    const store = await database.open();
    await other.open();
    const [idle, foreign, plain] = [await database.connect(), await other.connect(), await database.connect()];
    await foreign.query("BEGIN");
    await plain.query("BEGIN; SET LOCAL search_path = nothing");

    await expect(store.append(writeOf("a-1", 0), { tx: idle })).rejects.toMatchObject({
      code: "ES_CONFIGURATION",
      message: expect.stringContaining("without an open transaction"),
    });
    await expect(store.append(writeOf("a-1", 0), { tx: foreign })).rejects.toMatchObject({
      code: "ES_CONFIGURATION",
      message: expect.stringContaining("another event log"),
    });
    await expect(store.registers.set("k", "v", { tx: idle })).rejects.toMatchObject({ code: "ES_CONFIGURATION" });
    expect((await store.append(writeOf("a-1", 0), { tx: plain })).versions).toStrictEqual([1]);
  });

  it("leave nothing behind of what was still under way when their work failed", async () => {
    await using database = await openDatabase(server);
    const store = await database.open();
    await store.append(writeOf("a-1", 0));

    for (let round = 0; round < 40; round += 1) {
      const failed = store.transaction(async (tx) => {
        await Promise.all([
          store.append(writeOf("a-1", 0), { tx }),
          store.append(writeOf(`b-${round}`, 0), { tx }),
          store.registers.set(`r-${round}`, "set", { tx }),
          store.append(writeOf(`c-${round}`, 0), { tx }),
          round % 2 === 0 ? Promise.reject(new Error("changed my mind")) : undefined,
        ]);
      });
      await expect(failed).rejects.toBeInstanceOf(Error);
    }

    expect(await readLog(store)).toHaveLength(1);
    for await (const key of store.registers.keys("r-")) expect.fail(`${key} was left behind`);
  });

  it("of callers who do not await leave nothing behind either", async () => {
    await using database = await openDatabase(server);
    const store = await database.open();
    await store.append(writeOf("a-1", 0));
    const tx = await database.connect();
    const told: string[] = [];

    for (let round = 0; round < 60; round += 1) {
      await tx.query("BEGIN");
      const calls = [
        store.append(writeOf(`b-${round}`, 0), { tx }),
        store.registers.set(`r-${round}`, "set", { tx }),
        store.append(writeOf(`c-${round}`, 0, 2), { tx }),
      ];
      await new Promise((resolve) => setTimeout(resolve, Math.random() * 4));
      await tx.query("ROLLBACK");
      for (const { status } of await Promise.allSettled(calls)) told.push(status);
    }

    expect(told).toContain("rejected");
    expect(await readLog(store)).toHaveLength(1);
    for await (const key of store.registers.keys("r-")) expect.fail(`${key} was left behind`);
  });

  it("refuse a handle after its transaction has ended, and work that ends it itself", async () => {
    await using database = await openDatabase(server);
    const store = await database.open();
    const tx = await store.transaction(async (handle) => handle);

    await expect(store.append(writeOf("a-1", 0), { tx })).rejects.toMatchObject({ code: "ES_CONFIGURATION" });
    const ended = store.transaction(async (handle) => {
      await handle.query("ROLLBACK");
    });
    await expect(ended).rejects.toMatchObject({ code: "ES_CONFIGURATION", message: expect.stringContaining("itself") });
    expect(await readLog(store)).toHaveLength(0);
  });

  it("take nothing that belongs to an earlier one on the same connection", async () => {
    await using database = await openDatabase(server);
    const store = await database.open({ transactionConnections: 1 });
    const earlier = await store.transaction(async (handle) => {
      await store.append(writeOf("a-1", 0), { tx: handle });
      return handle;
    });

    await store.transaction(async (handle) => {
      await store.append(writeOf("b-1", 0), { tx: handle });
      await expect(store.append(writeOf("c-1", 0), { tx: earlier })).rejects.toMatchObject({
        code: "ES_CONFIGURATION",
        message: expect.stringContaining("has ended"),
      });
    });

    expect((await readLog(store)).map(({ streamId }) => streamId)).toStrictEqual(["a-1", "b-1"]);
  });

  it("are cut when the store closes and they do not end", async () => {
    await using database = await openDatabase(server);
    const store = await database.open({ timeoutMs: 300 });
    const begun = Promise.withResolvers<void>();
    const running = store.transaction(async (tx) => {
      await store.append(writeOf("a-1", 0), { tx });
      begun.resolve();
      await new Promise((resolve) => {
        setTimeout(resolve, 1_500);
      });
      await store.append(writeOf("a-1", 1), { tx });
    });
    const outcome = running.catch((error: unknown) => error);
    await begun.promise;

    await store[Symbol.asyncDispose]();

    expect(await outcome).toMatchObject({ code: "ES_STORE_CLOSED" });
    expect(await database.query("SELECT 1 FROM es.events")).toStrictEqual([]);
  });

  it("wake live readers of the same store when they commit", async () => {
    await using database = await openDatabase(server);
    const store = await database.open({ listen: false, pollIntervalMs: 1_000_000 });
    const live = store.readAll({ live: true })[Symbol.asyncIterator]();
    await live.next();
    const next = live.next();

    await store.transaction(async (tx) => {
      await store.append(writeOf("a-1", 0), { tx });
    });

    expect((await next).value).toMatchObject({ isCaughtUp: true, events: [{ streamId: "a-1" }] });
    await live.return?.();
  });
});
