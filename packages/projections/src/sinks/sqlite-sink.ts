import { AbortedError, ConfigurationError, StoreFormatError, StoreUnavailableError } from "@es/core";
import { delay, throwIfAborted } from "@es/core/adapter";
import { assertIs, assertTimeLimit, type Rule } from "../definition/member-rules.ts";
import { LONGEST_TIMER_MS } from "../runner/clock.ts";
import { Mutex } from "../runner/mutex.ts";
import { guardedDatabase } from "./guarded-database.ts";
import type { CheckpointedSink } from "./sink.ts";
import { withoutFormat } from "./sink-format.ts";
import { isLocked, isPassing, toSqliteSinkError } from "./sqlite-sink-error.ts";
import { sqliteSinkRegisters } from "./sqlite-sink-registers.ts";
import { TransactionGuard } from "./transaction-guard.ts";

/** The part of a better-sqlite3 statement that the sink uses. */
export interface SqliteSinkStatement<Row = unknown> {
  /** Executes it. */
  run(...params: unknown[]): { readonly changes: number };
  /** The first row. */
  get(...params: unknown[]): Row | undefined;
  /** All rows. */
  all(...params: unknown[]): Row[];
  /** Whether only the first column comes. */
  pluck(toggle?: boolean): this;
  /** Whether rows come as lists. */
  raw(toggle?: boolean): this;
}

/** The part of a better-sqlite3 `Database` that the sink uses. A `Database` fits as it is. */
export interface SqliteSinkDatabase {
  /** Whether a transaction is open. */
  readonly inTransaction: boolean;
  /** Prepares a statement. */
  prepare<Row = unknown>(source: string): SqliteSinkStatement<Row>;
  /** Executes statements without results. */
  exec(source: string): unknown;
}

/** Options of {@link createSqliteSink}. */
export interface SqliteSinkOptions {
  /** How long to wait for a lock of another process or connection, or for another transaction of this one. @defaultValue 5000 */
  readonly timeoutMs?: number;
}

/** The format of the table. A database that a newer version wrote is refused. */
const FORMAT = "1";
const RETRY_MS = 5;
const DATABASE: Rule = {
  is: (value) => {
    if (typeof value !== "object" || value === null) return false;
    return (
      ["prepare", "exec"].every((name) => typeof Reflect.get(value, name) === "function") && "inTransaction" in value
    );
  },
  what: 'an open Database of better-sqlite3: createSqliteSink(new Database("views.db"))',
};

/**
 * A sink over a SQLite database that is not the event store: read models and checkpoints share its transactions, and the
 * checkpoints are in its table `es_projection_registers`. Give it a connection of its own: while a page is being handled, whoever
 * else uses the connection would be part of the transaction.
 *
 * Nothing is read or written before the first use, which fails with a `StoreFormatError` when a newer version of this package made
 * the table.
 *
 * @throws ConfigurationError when an option is wrong
 */
export function createSqliteSink<Database extends SqliteSinkDatabase>(
  database: Database,
  options: SqliteSinkOptions = {},
): CheckpointedSink<Database> {
  assertIs("the database of the sink", database, DATABASE);
  const { timeoutMs = 5_000 } = options;
  assertTimeLimit(timeoutMs);
  const mutex = new Mutex();
  /** Whether the table is known to be there. It is made in the first transaction, because making it may have to wait for a lock. */
  let isReady = false;
  /** What the work of the open transaction was given. */
  let open: Database | undefined;

  async function begin(signal: AbortSignal | undefined): Promise<void> {
    if (database.inTransaction) {
      throw new ConfigurationError(
        "the sink's database is in a transaction of its owner; give the sink its own connection",
      );
    }
    const deadline = performance.now() + timeoutMs;
    for (;;) {
      try {
        database.exec("BEGIN IMMEDIATE");
        return;
      } catch (cause) {
        if (!isLocked(cause)) throw toSqliteSinkError(cause, "beginning a transaction");
        if (performance.now() >= deadline) throw locked(timeoutMs, cause);
        await delay(RETRY_MS, signal);
      }
    }
  }

  function transaction<Result>(
    work: (tx: Database) => Promise<Result>,
    call: { readonly signal?: AbortSignal } = {},
  ): Promise<Result> {
    const turn = async (): Promise<Result> => {
      throwIfAborted(call.signal);
      await begin(call.signal);
      try {
        if (!isReady) own("making its table", () => prepareTable(database));
        const result = await guarded(work);
        own("committing", () => void database.exec("COMMIT"));
        isReady = true;
        return result;
      } catch (error) {
        // Some errors end the transaction by themselves.
        if (database.inTransaction) database.exec("ROLLBACK");
        // It is the database that failed then, and not the work.
        if (isPassing(error)) throw toSqliteSinkError(error, "the transaction was open");
        throw error;
      }
    };
    const ms = Math.min(timeoutMs, LONGEST_TIMER_MS);
    return mutex.runSoon(turn, { timeoutMs: ms, signal: call.signal, tooLate: () => busy(timeoutMs, call.signal) });
  }

  /** Runs the work, and makes sure that the transaction is still the sink's when it has ended. */
  async function guarded<Result>(work: (tx: Database) => Promise<Result>): Promise<Result> {
    const guard = new TransactionGuard(() => database.inTransaction);
    open = guardedDatabase(database, guard);
    let result: Result;
    try {
      result = await work(open);
    } catch (error) {
      // The database itself ends it when it fails.
      if (!isPassing(error)) guard.finish(error);
      throw error;
    } finally {
      open = undefined;
    }
    guard.finish();
    return result;
  }

  const isOpen = (tx: Database): boolean => tx === open && database.inTransaction;
  return { registers: sqliteSinkRegisters(database, transaction, isOpen), transaction };
}

function prepareTable(database: SqliteSinkDatabase): void {
  const table = database.prepare(
    "SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = 'es_projection_registers'",
  );
  if (table.get() === undefined) {
    database.exec(`
      CREATE TABLE es_projection_registers (
        key TEXT PRIMARY KEY,
        value TEXT,
        revision INTEGER NOT NULL
      ) STRICT;
      INSERT INTO es_projection_registers (key, value, revision) VALUES ('', '${FORMAT}', 0);
    `);
  }
  const format = database.prepare<string>("SELECT value FROM es_projection_registers WHERE key = ''").pluck().get();
  if (format === FORMAT) return;
  if (format === undefined || format === null) throw withoutFormat("es_projection_registers");
  throw new StoreFormatError(
    `the table es_projection_registers has format ${format}, this package knows format ${FORMAT}; install the version that wrote it`,
  );
}

/** Work that waits for a transaction it is part of would wait for ever. */
function busy(timeoutMs: number, signal: AbortSignal | undefined): Error {
  if (signal?.aborted) return new AbortedError("the operation was aborted", { cause: signal.reason });
  return new StoreUnavailableError(
    `the sink was busy with another transaction of this process for ${timeoutMs} ms; nothing was written. A handler passes its tx to whatever it asks the sink for`,
  );
}

function locked(timeoutMs: number, cause: unknown): StoreUnavailableError {
  return new StoreUnavailableError(
    `the sink's database was locked by another process or connection for ${timeoutMs} ms; nothing was written`,
    { cause },
  );
}

/** Runs a statement of the sink itself. */
function own(doing: string, statement: () => void): void {
  try {
    statement();
  } catch (error) {
    throw toSqliteSinkError(error, doing);
  }
}
