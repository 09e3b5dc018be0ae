import type { Registers } from "@es/core";
import { type PostgresServer, startPostgres } from "test-servers";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import {
  type CheckpointedSink,
  createPostgresSink,
  createProjectionRunner,
  type PostgresTransaction,
  resetProjection,
} from "../src/index.ts";
import { deposit } from "./accounts.ts";
import { openPool, openPostgresPlace, postgresBalances } from "./postgres-place.ts";
import { Reports } from "./reports.ts";
import { VirtualClock } from "./virtual-clock.ts";

let server: PostgresServer;

beforeAll(async () => {
  server = await startPostgres({ isPrivate: true });
}, 120_000);

afterAll(async () => {
  await server[Symbol.asyncDispose]();
});

/** Ends the server's side of a connection. */
async function terminate(tx: PostgresTransaction, url: string): Promise<void> {
  const { rows } = await tx.query("SELECT pg_backend_pid() AS pid");
  const admin = openPool(url, 1);
  await admin.query("SELECT pg_terminate_backend($1, 5000)", [rows[0]?.["pid"]]);
  await admin.end();
}

async function keysOf(registers: Registers<unknown>, prefix: string): Promise<readonly string[]> {
  const keys: string[] = [];
  for await (const key of registers.keys(prefix)) keys.push(key);
  return keys;
}

describe("a read model in PostgreSQL", () => {
  it("has each event once, whatever fails on the way", async () => {
    await using place = await openPostgresPlace(server);
    await deposit(place.store, "a-1", 1, 2, 4);
    await deposit(place.store, "b-1", 8);
    let failures = 2;
    const fail = async (amount: number, tx: PostgresTransaction): Promise<void> => {
      if (amount !== 4 || failures === 0) return;
      failures -= 1;
      await tx.query("SELECT 1 / 0");
    };
    await using runner = createProjectionRunner(postgresBalances(fail), { ...place, clock: new VirtualClock(5_000) });

    await runner.start();
    await runner.waitFor(await place.store.head());

    expect(await place.read()).toStrictEqual({ "a-1": "7 of 3", "b-1": "8 of 1" });
    expect(failures).toBe(0);
  });

  it.each([
    ["ROLLBACK", (tx: PostgresTransaction) => tx.query("ROLLBACK")],
    ["COMMIT", (tx: PostgresTransaction) => tx.query("/* done */ commit work; BEGIN")],
    ["PREPARE TRANSACTION", (tx: PostgresTransaction) => tx.query("SELECT 1; PREPARE TRANSACTION 'a'")],
    ["release()", (tx: object) => Reflect.get(tx, "release")()],
  ] as const)("stops with nothing written when a handler sends %s, whatever it does then", async (what, send) => {
    await using place = await openPostgresPlace(server);
    await deposit(place.store, "a-1", 1, 2, 4);
    for (const swallows of [false, true]) {
      let handled = 0;
      const end = async (amount: number, tx: PostgresTransaction): Promise<void> => {
        handled += 1;
        if (amount !== 2) return;
        try {
          await send(tx);
        } catch (error) {
          if (!swallows) throw error;
        }
      };
      await using runner = createProjectionRunner(postgresBalances(end), { ...place, clock: new VirtualClock(5_000) });

      await runner.start();

      await expect(runner.waitFor(await place.store.head())).rejects.toMatchObject({
        code: "ES_CONFIGURATION",
        message: expect.stringContaining(`sent ${what}, so it was rolled back and nothing was written`),
      });
      expect(handled).toBe(swallows ? 3 : 2);
      expect(runner.status().isHealthy).toBe(false);
      expect(await place.read()).toStrictEqual({});
    }
    await using mended = createProjectionRunner(postgresBalances(), place);
    await mended.start();
    await mended.waitFor(await place.store.head());
    expect(await place.read()).toStrictEqual({ "a-1": "7 of 3" });
  });

  it("notices a transaction that was ended behind its back, and writes nothing by itself then", async () => {
    await using place = await openPostgresPlace(server);
    await deposit(place.store, "a-1", 1, 2);
    for (const fails of [false, true]) {
      const end = async (_amount: number, tx: PostgresTransaction): Promise<void> => {
        // In a text that only the server can read.
        await tx.query("SELECT E'\\''; ROLLBACK; SELECT ''");
        if (fails) throw new Error("and then it fails");
      };
      await using runner = createProjectionRunner(postgresBalances(end), { ...place, clock: new VirtualClock(5_000) });

      await runner.start();

      await expect(runner.waitFor(await place.store.head())).rejects.toMatchObject({
        code: "ES_CONFIGURATION",
        message: expect.stringContaining("ended the transaction itself"),
      });
      expect(await place.read()).toStrictEqual({});
      expect((await place.sink.registers.get("checkpoint:balances"))?.value).toContain('"position":"",');
    }
  });

  it("lets handlers use savepoints and statements that look as if they ended the transaction", async () => {
    await using place = await openPostgresPlace(server);
    const recover = async (_amount: number, tx: PostgresTransaction): Promise<void> => {
      await tx.query("SAVEPOINT mine");
      await tx.query("SELECT 1 / 0").catch(() => undefined);
      await tx.query("ROLLBACK TO SAVEPOINT mine");
      await tx.query("CREATE OR REPLACE FUNCTION one() RETURNS int LANGUAGE sql BEGIN ATOMIC SELECT 1; END");
      await tx.query("SELECT CASE WHEN true THEN '; COMMIT' END AS \"; ROLLBACK\" -- ; COMMIT");
      await tx.query("DO $body$ BEGIN PERFORM 1; END; $body$");
    };
    await using runner = createProjectionRunner(postgresBalances(recover), place);

    await runner.start();
    await runner.waitFor(await deposit(place.store, "a-1", 1, 2));

    expect(await place.read()).toStrictEqual({ "a-1": "3 of 2" });
  });

  it("refuses what a handler did not await until the transaction was over", async () => {
    await using place = await openPostgresPlace(server);
    const late: Promise<unknown>[] = [];
    const over = Promise.withResolvers<void>();
    const forget = (_amount: number, tx: PostgresTransaction): void => {
      late.push(over.promise.then(() => tx.query("INSERT INTO balances VALUES ('late', 1, 1)")));
    };
    await using runner = createProjectionRunner(postgresBalances(forget), place);
    await runner.start();
    await runner.waitFor(await deposit(place.store, "a-1", 1));

    over.resolve();

    await expect(Promise.all(late)).rejects.toThrow(/the transaction is over/);
    expect(await place.read()).toStrictEqual({ "a-1": "1 of 1" });
  });

  it("has each event once when connections are cut, before and behind the handler, and blames no event for it", async () => {
    await using place = await openPostgresPlace(server);
    await deposit(place.store, "a-1", 1, 2, 4);
    let cuts = 6;
    const cut = async (_amount: number, tx: PostgresTransaction): Promise<void> => {
      if (cuts === 0) return;
      cuts -= 1;
      await terminate(tx, place.url);
      // An odd one is noticed by the handler, an even one when the page is committed.
      if (cuts % 2 === 1) await tx.query("SELECT 1");
    };
    const reports = new Reports();
    const clock = new VirtualClock(5_000);
    const options = { ...place, clock, onReport: reports.listener, retry: { maxAttempts: 1 } };
    await using runner = createProjectionRunner(postgresBalances(cut), options);

    await runner.start();
    await runner.waitFor(await deposit(place.store, "a-1", 8));

    expect(await place.read()).toStrictEqual({ "a-1": "15 of 4" });
    expect(cuts).toBe(0);
    expect(reports.all.filter(({ kind }) => kind === "retrying")).toMatchObject(
      Array.from({ length: 6 }, () => ({ error: { code: "ES_STORE_UNAVAILABLE" } })),
    );
  });

  it("has each event once when the answer to a commit is lost", async () => {
    await using place = await openPostgresPlace(server);
    await deposit(place.store, "a-1", 1, 2);
    const pool = openPool(place.url);
    let lost = 2;
    // Commits, and then loses the connection with the answer.
    const losing = {
      async connect() {
        const client = await pool.connect();
        const ask = client.query.bind(client);
        return Object.assign(client, {
          async query(text: string, values?: unknown[]) {
            const answer = await ask(text, values);
            if (text !== "COMMIT" || lost === 0) return answer;
            lost -= 1;
            throw new Error("Connection terminated unexpectedly");
          },
        });
      },
    };
    const sink = createPostgresSink(losing);
    await using runner = createProjectionRunner(postgresBalances(), { ...place, sink, pageSize: 1 });

    await runner.start();
    await runner.waitFor(await deposit(place.store, "a-1", 4));
    await runner.stop();

    expect(lost).toBe(0);
    expect(await place.read()).toStrictEqual({ "a-1": "7 of 3" });
    await pool.end();
  });

  it("has each event once when the server is killed in the middle of a page", async () => {
    const fragile = await startPostgres({ isPrivate: true });
    await using _server = fragile;
    await using place = await openPostgresPlace(fragile);
    await deposit(place.store, "a-1", 1, 2);
    let kills = 1;
    const kill = async (amount: number): Promise<void> => {
      if (amount !== 2 || kills === 0) return;
      kills -= 1;
      await fragile.kill();
      await fragile.start();
    };
    await using runner = createProjectionRunner(postgresBalances(kill), place);

    await runner.start();
    await runner.waitFor(await deposit(place.store, "a-1", 4), { timeoutMs: 60_000 });

    expect(await place.read()).toStrictEqual({ "a-1": "7 of 3" });
  }, 120_000);

  it("rolls back what a runner writes that was overtaken while its handler ran", async () => {
    await using place = await openPostgresPlace(server);
    await deposit(place.store, "a-1", 1);
    const entered = Promise.withResolvers<void>();
    const leave = Promise.withResolvers<void>();
    const sink: CheckpointedSink<PostgresTransaction> = {
      registers: place.sink.registers,
      async transaction(work, options) {
        entered.resolve();
        await leave.promise;
        return place.sink.transaction(work, options);
      },
    };
    const paused = createProjectionRunner(postgresBalances(), { ...place, sink });
    await paused.start();
    await entered.promise;
    await using other = createProjectionRunner(postgresBalances(), place);
    await other.start();
    await other.waitFor(await place.store.head());

    leave.resolve();

    await expect(paused.done).rejects.toMatchObject({ code: "ES_CHECKPOINT_CONFLICT" });
    expect(await place.read()).toStrictEqual({ "a-1": "1 of 1" });
  });

  it("is not held up for ever by a runner that hangs in the middle of a page", async () => {
    await using place = await openPostgresPlace(server);
    await deposit(place.store, "a-1", 1);
    const entered = Promise.withResolvers<void>();
    const leave = Promise.withResolvers<void>();
    const hang = async (): Promise<void> => {
      entered.resolve();
      await leave.promise;
    };
    const pool = openPool(place.url);
    const sink = createPostgresSink(pool, { idleTimeoutMs: 300 });
    const hanging = createProjectionRunner(postgresBalances(hang), { ...place, sink });
    await hanging.start();
    await entered.promise;

    await using other = createProjectionRunner(postgresBalances(), place);
    await other.start();
    await other.waitFor(await place.store.head());
    leave.resolve();

    await expect(hanging.done).rejects.toMatchObject({ code: "ES_CHECKPOINT_CONFLICT" });
    expect(await place.read()).toStrictEqual({ "a-1": "1 of 1" });
    await pool.end();
  });
});

describe("the PostgreSQL sink", () => {
  it("has registers with compare-and-set whose revisions are never used twice, in its transactions too", async () => {
    await using place = await openPostgresPlace(server);
    const { registers, transaction } = place.sink;

    const first = (await registers.set("a", "1", { expected: 0 })) ?? 0;
    expect(await registers.set("a", "2", { expected: 0 })).toBeUndefined();
    expect(await registers.set("a", "2", { expected: first + 1 })).toBeUndefined();
    const second = (await registers.set("a", "2", { expected: first })) ?? 0;
    expect(await registers.delete("a", { expected: first })).toBe(false);
    expect(await registers.delete("a", { expected: second })).toBe(true);
    expect(await registers.get("a")).toBeUndefined();
    expect(await registers.delete("a")).toBe(false);
    expect(await registers.set("a", "x", { expected: second })).toBeUndefined();
    const third = (await registers.set("a", "3\u0000é", { expected: 0 })) ?? 0;
    await registers.set("ab", "x");
    await registers.set("é", "x");
    const failing = transaction(async (tx) => {
      await registers.set("a", "4", { tx });
      expect((await registers.get("a", { tx }))?.value).toBe("4");
      throw new Error("no");
    });
    await expect(failing).rejects.toThrow("no");

    expect(third).toBeGreaterThan(second + 1);
    expect(await registers.get("a")).toStrictEqual({ value: "3\u0000é", revision: third });
    expect(await keysOf(registers, "a")).toStrictEqual(["a", "ab"]);
    expect(await resetProjection(registers, "balances")).toBe(false);
  });

  it("lists more keys than fit one page", async () => {
    await using place = await openPostgresPlace(server);
    const { registers, transaction } = place.sink;
    await transaction(async (tx) => {
      for (let n = 0; n < 1_001; n += 1) await registers.set(`k${n}`, "x", { tx });
    });

    expect(new Set(await keysOf(registers, "k")).size).toBe(1_001);
  });

  it("can be used first by many processes at the same time, in a schema that nobody has made", async () => {
    await using place = await openPostgresPlace(server);
    const pools = Array.from({ length: 8 }, () => openPool(place.url, 1));

    const revisions = await Promise.all(
      pools.map((pool) => createPostgresSink(pool, { schema: 'of "mine"' }).registers.set("a", "1")),
    );

    expect(revisions.toSorted()).toStrictEqual([1, 2, 3, 4, 5, 6, 7, 8]);
    await Promise.all(pools.map((pool) => pool.end()));
  });

  it("refuses a table of a newer format, a foreign tx, and a commit that would be a rollback", async () => {
    await using place = await openPostgresPlace(server);
    const { registers, transaction } = place.sink;
    const client = await place.pool.connect();

    await expect(registers.set("a", "1", { tx: client })).rejects.toMatchObject({ code: "ES_CONFIGURATION" });
    const swallowing = transaction(async (tx) => {
      await tx.query("SELECT 1 / 0").catch(() => undefined);
    });
    await expect(swallowing).rejects.toThrow(/nothing of it was written/);
    client.release();
    await place.pool.query("UPDATE es_projection_registers SET value = convert_to('2', 'UTF8') WHERE key = ''");

    await expect(createPostgresSink(place.pool).registers.get("a")).rejects.toMatchObject({ code: "ES_STORE_FORMAT" });
    await place.pool.query("DELETE FROM es_projection_registers");
    await expect(createPostgresSink(place.pool).registers.get("a")).rejects.toThrow(/was emptied.* restore it/);
  });

  it("says what is wrong when it cannot log in, find the database, or write, and when nobody answers", async () => {
    await using place = await openPostgresPlace(server);
    await place.pool.query("CREATE ROLE guest LOGIN");
    const urls = [
      [place.url.replace(/\/[^/]*$/, "/nowhere"), "ES_CONFIGURATION"],
      [place.url.replace("postgres@", "guest@"), "ES_CONFIGURATION"],
      ["postgres://postgres@127.0.0.1:1/postgres", "ES_STORE_UNAVAILABLE"],
    ] as const;

    for (const [url, code] of urls) {
      const pool = openPool(url);
      const sink = createPostgresSink(pool, { schema: "elsewhere" });
      await expect(sink.registers.get("a")).rejects.toMatchObject({ code });
      await pool.end();
    }
    await place.pool.query("DROP ROLE guest");
  });

  it("ends a wait for a connection at its limit and with the caller's signal", async () => {
    await using place = await openPostgresPlace(server);
    const pool = openPool(place.url, 1);
    const client = await pool.connect();
    const sink = createPostgresSink(pool, { timeoutMs: 50 });
    const patient = createPostgresSink(pool);

    await expect(sink.registers.get("a")).rejects.toMatchObject({ code: "ES_STORE_UNAVAILABLE" });
    await expect(patient.registers.get("a", { signal: AbortSignal.timeout(20) })).rejects.toMatchObject({
      code: "ES_ABORTED",
    });
    client.release();

    // Nothing was lost on the way: the connection can still be had.
    expect(await patient.registers.get("a")).toBeUndefined();
    await pool.end();
  });

  it.each([{ schema: "" }, { timeoutMs: 0 }, { idleTimeoutMs: 1.5 }])("cannot have %j", (options) => {
    const pool = openPool("postgres://nobody@127.0.0.1:1/nothing");

    expect(() => createPostgresSink(pool, options)).toThrow(/schema|must be/);
  });
});
