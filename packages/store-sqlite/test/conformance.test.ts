import { describeEventStore, type OpenedStore } from "@es/store-conformance";
import Database from "better-sqlite3";
import { openSqliteEventStore, type SqliteDatabase, type SqliteEventStore } from "../src/index.ts";
import { temporaryFile } from "./temporary-file.ts";

const declares = { atomicStreams: Number.POSITIVE_INFINITY, conditions: "query", transactions: true } as const;

/** Runs what the kit gives in the store's own transaction. */
function inTransaction(store: SqliteEventStore): (work: (tx: unknown) => Promise<void>) => Promise<void> {
  return (work) => store.transaction(work);
}

/** Runs what the kit gives between a BEGIN and a COMMIT of the caller, who takes care that his transactions do not overlap. */
function inTransactionOf(database: SqliteDatabase): (work: (tx: unknown) => Promise<void>) => Promise<void> {
  let last = Promise.resolve();
  const run = async (work: (tx: unknown) => Promise<void>): Promise<void> => {
    database.exec("BEGIN IMMEDIATE");
    try {
      await work(database);
    } catch (error) {
      database.exec("ROLLBACK");
      throw error;
    }
    database.exec("COMMIT");
  };
  return (work) => {
    const mine = last.then(() => run(work));
    last = mine.catch(() => undefined);
    return mine;
  };
}

async function openFile(synchronous: "FULL" | "NORMAL"): Promise<OpenedStore> {
  const file = await temporaryFile();
  const open = (): Promise<SqliteEventStore> => openSqliteEventStore({ path: file.path, synchronous });
  const store = await open();
  return { store, openAgain: open, transaction: inTransaction(store), close: () => file[Symbol.asyncDispose]() };
}

describeEventStore("SQLite file, synchronous FULL", {
  open: () => openFile("FULL"),
  declares: { ...declares, shared: true, durability: "fsync" },
});

describeEventStore("SQLite file, synchronous NORMAL", {
  open: () => openFile("NORMAL"),
  declares: { ...declares, shared: true, durability: "buffered" },
});

describeEventStore("SQLite in memory", {
  open: async () => {
    const store = await openSqliteEventStore({ path: ":memory:" });
    return { store, transaction: inTransaction(store) };
  },
  declares: { ...declares, shared: false, durability: "none" },
});

describeEventStore("SQLite over the caller's Database", {
  open: async () => {
    const file = await temporaryFile();
    const database = new Database(file.path);
    return {
      store: await openSqliteEventStore({ database, synchronous: "FULL" }),
      openAgain: () => openSqliteEventStore({ path: file.path }),
      transaction: inTransactionOf(database),
      close: async () => {
        database.close();
        await file[Symbol.asyncDispose]();
      },
    };
  },
  declares: { ...declares, shared: true, durability: "fsync" },
});

describeEventStore("SQLite over the caller's Database in memory", {
  open: async () => {
    const database = new Database(":memory:");
    const store = await openSqliteEventStore({ database });
    return {
      store,
      transaction: inTransaction(store),
      close: async () => {
        database.close();
      },
    };
  },
  declares: { ...declares, shared: false, durability: "none" },
});
