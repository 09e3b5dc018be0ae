import { ConfigurationError } from "@es/core";
import type { SqliteDatabase } from "./sqlite-database.ts";

/** Options of `openSqliteEventStore`: a path or a database, and the rest. */
export type SqliteEventStoreOptions = (SqlitePathOptions | SqliteDatabaseOptions) & SqliteCommonOptions;

/** The store opens the file itself, and closes it. */
export interface SqlitePathOptions {
  /** The file, relative to the working directory; created when it is missing. `":memory:"`: no file, gone with the process. */
  readonly path: string;
}

/** The store works through the caller's database. It never closes it. */
export interface SqliteDatabaseOptions {
  /** An open better-sqlite3 `Database`. The caller may use it as well; the store waits while a transaction of the caller is open. */
  readonly database: SqliteDatabase;
}

/** Options that hold for both ways to open. */
export interface SqliteCommonOptions {
  /**
   * What an acknowledged append survives. `"FULL"`: a power failure. `"NORMAL"`: the end of the process; a power failure may
   * lose the last appends, and never damages the file.
   * @defaultValue `"FULL"`; for a `database` of the caller, what is set there
   */
  readonly synchronous?: "FULL" | "NORMAL";
  /** Refuse every write. A file that this process may not write is opened that way by itself. @defaultValue `false` */
  readonly readOnly?: boolean;
  /** How long a call may wait for a lock, in milliseconds. @defaultValue 5_000 */
  readonly timeoutMs?: number;
  /** How often a waiting live read looks for commits of other processes, in milliseconds. @defaultValue 10 */
  readonly pollIntervalMs?: number;
  /** Most writes that may wait for their turn; one more is refused with `StoreUnavailableError`. @defaultValue 20_000 */
  readonly maxPendingWrites?: number;
  /**
   * Where the event log's tables may be created: in a database without tables only, or beside those of others as well.
   * @defaultValue `"empty-file"`
   */
  readonly createTables?: "empty-file" | "alongside";
  /** Gives `recordedAt`, in milliseconds since 1970 UTC. Order never depends on it. @defaultValue `Date.now` */
  readonly clock?: () => number;
}

/** Checked options with their defaults. */
export interface ResolvedOptions {
  readonly synchronous: "FULL" | "NORMAL" | undefined;
  readonly isReadOnly: boolean;
  readonly timeoutMs: number;
  readonly pollIntervalMs: number;
  readonly maxPendingWrites: number;
  readonly allowForeignTables: boolean;
  readonly clock: () => number;
}

const DEFAULTS = {
  readOnly: false,
  timeoutMs: 5_000,
  pollIntervalMs: 10,
  maxPendingWrites: 20_000,
  createTables: "empty-file",
  clock: Date.now,
} as const;

/** @throws ConfigurationError naming the wrong option */
export function resolveOptions(options: SqliteEventStoreOptions): ResolvedOptions {
  if (typeof options !== "object" || options === null || !("path" in options || "database" in options)) {
    throw new ConfigurationError('openSqliteEventStore takes an object: pass { path: "./events.db" } or { database }');
  }
  const { synchronous } = options;
  const { readOnly, createTables, clock, ...numbers } = { ...DEFAULTS, ...options };
  if (synchronous !== undefined && synchronous !== "FULL" && synchronous !== "NORMAL") {
    throw wrong("synchronous", synchronous, `"FULL" or "NORMAL"`);
  }
  if (typeof readOnly !== "boolean") throw wrong("readOnly", readOnly, "true or false");
  if (createTables !== "empty-file" && createTables !== "alongside") {
    throw wrong("createTables", createTables, `"empty-file" or "alongside"`);
  }
  if (typeof clock !== "function") throw wrong("clock", clock, "a function that returns milliseconds");
  return {
    synchronous,
    isReadOnly: readOnly,
    timeoutMs: wholeNumber("timeoutMs", numbers.timeoutMs, 0),
    pollIntervalMs: wholeNumber("pollIntervalMs", numbers.pollIntervalMs, 1),
    maxPendingWrites: wholeNumber("maxPendingWrites", numbers.maxPendingWrites, 1),
    allowForeignTables: createTables === "alongside",
    clock,
  };
}

function wholeNumber(name: string, value: unknown, least: number): number {
  // More than a timer can count would make it fire at once.
  if (typeof value === "number" && Number.isInteger(value) && value >= least && value <= 2_147_483_647) return value;
  throw wrong(name, value, `a whole number from ${least} to 2147483647`);
}

function wrong(name: string, value: unknown, right: string): ConfigurationError {
  const shown = typeof value === "function" ? "a function" : (JSON.stringify(value) ?? String(value));
  return new ConfigurationError(`option ${name} of the SQLite event store is ${shown}; it must be ${right}`);
}
