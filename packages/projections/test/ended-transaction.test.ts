import { createMemoryEventStore } from "@es/store-memory";
import { openSqliteEventStore, type SqliteDatabase } from "@es/store-sqlite";
import Database from "better-sqlite3";
import { describe, expect, it } from "vitest";
import { createProjectionRunner, createSqliteSink, defineProjection, exactlyOnce } from "../src/index.ts";
import { endingStatement } from "../src/sinks/transaction-guard.ts";
import { accountEvents, deposit } from "./accounts.ts";
import { createBalances, readBalances } from "./balances.ts";
import { temporaryDirectory } from "./temporary-file.ts";
import { VirtualClock } from "./virtual-clock.ts";

/** Balances whose handler does something else to its transaction when it has written. */
function balances(onEvent: (tx: SqliteDatabase, amount: number) => unknown) {
  return defineProjection({
    name: "balances",
    events: accountEvents,
    types: ["Deposited"],
    delivery: exactlyOnce<SqliteDatabase>(),
    handlers: {
      Deposited: ({ streamId, data }, { tx }) => {
        tx.prepare(
          "INSERT INTO balances VALUES (?, ?, 1) ON CONFLICT (stream) DO UPDATE SET total = total + excluded.total, events = events + 1",
        ).run(streamId, data.amount);
        onEvent(tx, data.amount);
      },
    },
  });
}

/** A SQLite sink, and another connection that looks at its database. */
async function openPlace() {
  const directory = await temporaryDirectory();
  const path = directory.path("views.db");
  const database = new Database(path);
  const view = new Database(path);
  createBalances(database);
  return {
    store: createMemoryEventStore(),
    database,
    sink: createSqliteSink(database),
    clock: new VirtualClock(5_000),
    read: () => readBalances(view),
    async [Symbol.asyncDispose]() {
      view.close();
      database.close();
      await directory[Symbol.asyncDispose]();
    },
  };
}

describe("a SQLite sink", () => {
  it.each([
    ["COMMIT", (tx: SqliteDatabase) => tx.exec("COMMIT")],
    ["END", (tx: SqliteDatabase) => tx.exec("SELECT ';'; end transaction; BEGIN")],
    ["ROLLBACK", (tx: SqliteDatabase) => tx.prepare("ROLLBACK").run()],
    ["close()", (tx: SqliteDatabase) => tx.close()],
  ] as const)("stops with nothing written when a handler sends %s, whatever it does then", async (what, send) => {
    await using place = await openPlace();
    await deposit(place.store, "a-1", 1, 2, 4);
    for (const swallows of [false, true]) {
      const end = (tx: SqliteDatabase, amount: number): void => {
        if (amount !== 2) return;
        try {
          send(tx);
        } catch (error) {
          if (!swallows) throw error;
        }
      };
      await using runner = createProjectionRunner(balances(end), place);

      await runner.start();

      await expect(runner.waitFor(await place.store.head())).rejects.toMatchObject({
        code: "ES_CONFIGURATION",
        message: expect.stringContaining(`sent ${what}, so it was rolled back and nothing was written`),
      });
      expect(runner.status()).toMatchObject({ state: "failed", isHealthy: false });
      expect(place.read()).toStrictEqual({});
    }
    await using mended = createProjectionRunner(
      balances(() => undefined),
      place,
    );
    await mended.start();
    await mended.waitFor(await place.store.head());
    expect(place.read()).toStrictEqual({ "a-1": "7 of 3" });
  });

  it.each([false, true])("handles nothing again when the transaction was ended behind its back", async (fails) => {
    await using place = await openPlace();
    await deposit(place.store, "a-1", 1, 2);
    let handled = 0;
    const end = (tx: SqliteDatabase): void => {
      handled += 1;
      place.database.exec("COMMIT");
      if (fails) throw new Error("and then it fails");
      tx.exec("INSERT INTO balances VALUES ('by itself', 1, 1)");
    };
    await using runner = createProjectionRunner(balances(end), place);

    await runner.start();

    await expect(runner.waitFor(await place.store.head())).rejects.toMatchObject({
      code: "ES_CONFIGURATION",
      message: expect.stringContaining("ended the transaction itself"),
    });
    expect(handled).toBe(1);
    expect(place.read()).toStrictEqual({ "a-1": "1 of 1" });
  });

  it("lets handlers use savepoints, triggers and everything else of the database", async () => {
    await using place = await openPlace();
    const seen: unknown[] = [];
    const work = (tx: SqliteDatabase): void => {
      tx.exec("SAVEPOINT mine; DELETE FROM balances; ROLLBACK TO mine; RELEASE mine");
      tx.exec(
        "CREATE TRIGGER IF NOT EXISTS kept BEFORE DELETE ON balances BEGIN SELECT RAISE(IGNORE); END; DELETE FROM balances",
      );
      seen.push(tx.inTransaction, tx.pragma("user_version", { simple: true }));
    };
    await using runner = createProjectionRunner(balances(work), place);

    await runner.start();
    await runner.waitFor(await deposit(place.store, "a-1", 1));

    expect(seen).toStrictEqual([true, 0]);
    expect(place.read()).toStrictEqual({ "a-1": "1 of 1" });
  });

  it("refuses what a handler did not await until the transaction was over", async () => {
    await using place = await openPlace();
    const late: Promise<unknown>[] = [];
    const over = Promise.withResolvers<void>();
    const forget = (tx: SqliteDatabase): void => {
      late.push(over.promise.then(() => tx.exec("DELETE FROM balances")));
    };
    await using runner = createProjectionRunner(balances(forget), place);
    await runner.start();
    await runner.waitFor(await deposit(place.store, "a-1", 1));

    over.resolve();

    await expect(Promise.all(late)).rejects.toThrow(/the transaction is over/);
    expect(place.read()).toStrictEqual({ "a-1": "1 of 1" });
  });
});

describe("a SQLite store that is its own sink", () => {
  it.each([false, true])("handles nothing again when a handler has ended the transaction", async (fails) => {
    await using directory = await temporaryDirectory();
    const path = directory.path("events.db");
    await using store = await openSqliteEventStore({ path });
    const view = new Database(path);
    createBalances(view);
    await deposit(store, "a-1", 1, 2);
    let handled = 0;
    const end = (tx: SqliteDatabase): void => {
      handled += 1;
      tx.exec("COMMIT");
      if (fails) throw new Error("and then it fails");
    };
    const clock = new VirtualClock(5_000);
    await using runner = createProjectionRunner(balances(end), { store, sink: store, clock, pageSize: 1 });

    await runner.start();

    await expect(runner.waitFor(await store.head())).rejects.toMatchObject({ code: "ES_CONFIGURATION" });
    expect(handled).toBe(1);
    expect(readBalances(view)).toStrictEqual({ "a-1": "1 of 1" });
    view.close();
  });
});

describe("the statement that ends a transaction", () => {
  it.each([
    ["COMMIT", "COMMIT"],
    ["-- a comment\n commit;", "COMMIT"],
    ["ROLLBACK TRANSACTION", "ROLLBACK"],
    ["INSERT INTO a VALUES (';'); END", "END"],
    ["abort", "ABORT"],
    ["SELECT 1; /* ; */ rollback and chain", "ROLLBACK"],
    ["PREPARE  TRANSACTION 'a'", "PREPARE TRANSACTION"],
  ])("is found in %j", (sql, statement) => {
    expect(endingStatement(sql)?.replace(/\s+/, " ")).toBe(statement);
  });

  it.each([
    "ROLLBACK TO a",
    "rollback transaction to savepoint a",
    "SELECT CASE WHEN 1 THEN 2 END",
    "INSERT INTO a VALUES ('; COMMIT', \"; COMMIT\", `; COMMIT`) -- ; COMMIT",
    "UPDATE commits SET \"end\" = '''; COMMIT'",
    "CREATE TRIGGER t AFTER INSERT ON a BEGIN DELETE FROM b; END",
    "DO $a$ BEGIN PERFORM 1; END; $a$",
  ])("is not found in %j", (sql) => {
    expect(endingStatement(sql)).toBeUndefined();
  });
});
