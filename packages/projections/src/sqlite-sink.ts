import { ConfigurationError, StoreFormatError, StoreUnavailableError } from "@es/core";
import { delay, throwIfAborted } from "@es/core/adapter";
import { Mutex } from "./mutex.ts";
import type { CheckpointedSink } from "./sink.ts";
import { isLocked, isPassing, toSqliteSinkError } from "./sqlite-sink-error.ts";
import { sqliteSinkRegisters } from "./sqlite-sink-registers.ts";
import { LONGEST_TIMER_MS } from "./time-limit.ts";

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
  /** How long to wait for a lock of another process or connection. @defaultValue 5000 */
  readonly timeoutMs?: number;
}

/** The format of the table. A database that a newer version wrote is refused. */
const FORMAT = "1";
const RETRY_MS = 5;

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
  const { timeoutMs = 5_000 } = options;
  if (!(timeoutMs >= 0 && timeoutMs <= LONGEST_TIMER_MS)) {
    throw new ConfigurationError(`timeoutMs is ${timeoutMs}; it must be a number from 0 to ${LONGEST_TIMER_MS}`);
  }
  const mutex = new Mutex();
  /** Whether the table is known to be there. It is made in the first transaction, because making it may have to wait for a lock. */
  let isReady = false;

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
    return mutex.run(async () => {
      throwIfAborted(call.signal);
      await begin(call.signal);
      try {
        if (!isReady) own("making its table", () => prepareTable(database));
        const result = await work(database);
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
    });
  }

  return { registers: sqliteSinkRegisters(database, transaction), transaction };
}

function prepareTable(database: SqliteSinkDatabase): void {
  database.exec(`
    CREATE TABLE IF NOT EXISTS es_projection_registers (
      key TEXT PRIMARY KEY,
      value TEXT,
      revision INTEGER NOT NULL
    ) STRICT;
    INSERT OR IGNORE INTO es_projection_registers (key, value, revision) VALUES ('', '${FORMAT}', 0);
  `);
  const format = database.prepare<string>("SELECT value FROM es_projection_registers WHERE key = ''").pluck().get();
  if (format === FORMAT) return;
  throw new StoreFormatError(
    `the table es_projection_registers has format ${format ?? "none"}, this package knows format ${FORMAT}; install the version that wrote it`,
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
