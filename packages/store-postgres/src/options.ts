import { ConfigurationError } from "@es/core";
import type { PostgresConnectionSettings, PostgresPool } from "./postgres-driver.ts";

/** Options of `openPostgresEventStore`: an address, connection settings or a pool, and the rest. */
export type PostgresEventStoreOptions = (PostgresUrlOptions | PostgresConnectionOptions | PostgresPoolOptions) &
  PostgresCommonOptions;

/** The store connects to an address, and closes its connections. */
export interface PostgresUrlOptions {
  /** Such as `postgres://user:password@host:5432/database?sslmode=verify-full`. */
  readonly url: string;
}

/** The store connects with settings of the driver, and closes its connections. */
export interface PostgresConnectionOptions {
  /** What a `pg` `Client` is made with: host, user, password, TLS and so on. */
  readonly connection: PostgresConnectionSettings;
}

/** The store works through the caller's pool. It never closes it. */
export interface PostgresPoolOptions {
  /** A `pg` `Pool` with at least three connections; a store that listens keeps one of its own only with `listenUrl`. */
  readonly pool: PostgresPool;
}

/** Options that hold for all ways to connect. */
export interface PostgresCommonOptions {
  /** The schema that holds the event log's tables and functions. @defaultValue `"es"` */
  readonly schema?: string;
  /** What the names of its tables and functions begin with; two stores may so share a schema. @defaultValue `""` */
  readonly prefix?: string;
  /**
   * Whether events keep tags and appends may have conditions. A store is made with or without; it costs an index and, for
   * each group of appends, a transaction with locks.
   * @defaultValue what the store was made with; `false` for a new one
   */
  readonly tags?: boolean;
  /** Create the tables, or bring them to the newest format. `false`: refuse instead; see `postgresSchemaSql`. @defaultValue `true` */
  readonly migrate?: boolean;
  /**
   * Keep statements prepared on the server. `false` behind a pooler in transaction mode, such as PgBouncer: then nothing is
   * kept in a session, and the outcome of a lost commit is asked by its transaction id.
   * @defaultValue `true`
   */
  readonly prepared?: boolean;
  /** Be told of events of other processes by LISTEN. `false`: poll only. @defaultValue `true`; without `listenUrl`, `false` with `pool` or `prepared: false` */
  readonly listen?: boolean;
  /** The address for the listening connection, when the other one leads through a pooler. @defaultValue the store's own */
  readonly listenUrl?: string;
  /** How long a call may take, in milliseconds. The fate of an append whose answer was lost is looked for as long again. @defaultValue 5_000 */
  readonly timeoutMs?: number;
  /** Longest pause between two looks for events of other processes, in milliseconds; it begins with 10. @defaultValue 250 */
  readonly pollIntervalMs?: number;
  /** Most appends that may wait for their turn; one more is refused with `StoreUnavailableError`. @defaultValue 20_000 */
  readonly maxPendingWrites?: number;
  /**
   * Connections for appends; each carries one group at a time. With one, no append of this store stands between the events of
   * another in the log; more raise the throughput where a sync of the disk takes long.
   * @defaultValue 1
   */
  readonly writeConnections?: number;
  /** Connections for reads and registers. @defaultValue 4 */
  readonly readConnections?: number;
  /** Connections for `transaction`. @defaultValue 4 */
  readonly transactionConnections?: number;
  /**
   * How long `transaction` may do nothing in the database between two statements, in milliseconds. The server then ends it, so that a
   * process that hangs does not hold up readers, or whoever waits for its locks. @defaultValue 60_000
   */
  readonly transactionIdleTimeoutMs?: number;
}

/** Checked options with their defaults. */
export interface ResolvedOptions {
  readonly schema: string;
  readonly prefix: string;
  readonly tags: boolean | undefined;
  readonly migrate: boolean;
  readonly isPrepared: boolean;
  readonly isListening: boolean;
  readonly listenUrl: string | undefined;
  readonly timeoutMs: number;
  readonly pollIntervalMs: number;
  readonly maxPendingWrites: number;
  readonly writeConnections: number;
  readonly readConnections: number;
  readonly transactionConnections: number;
  readonly transactionIdleTimeoutMs: number;
}

const DEFAULTS = {
  schema: "es",
  prefix: "",
  migrate: true,
  prepared: true,
  timeoutMs: 5_000,
  pollIntervalMs: 250,
  maxPendingWrites: 20_000,
  writeConnections: 1,
  readConnections: 4,
  transactionConnections: 4,
  transactionIdleTimeoutMs: 60_000,
} as const;

/** @throws ConfigurationError naming the wrong option */
export function resolveOptions(options: PostgresEventStoreOptions): ResolvedOptions {
  const { tags, listenUrl } = options;
  const hasPool = "pool" in options;
  const { schema, prefix, migrate, prepared, listen, ...numbers } = {
    ...DEFAULTS,
    // Behind a pooler that lends its connections, nobody would hear, and the channel would stay with the connection.
    listen: (!hasPool && options.prepared !== false) || listenUrl !== undefined,
    ...options,
  };
  // PostgreSQL cuts longer names off; the longest name is the prefix and "events_position_seq".
  if (!isName(schema, 1, 63)) throw wrong("schema", schema, "a name of letters, digits and _, at most 63 of them");
  if (!isName(prefix, 0, 40)) throw wrong("prefix", prefix, "letters, digits and _, at most 40 of them");
  if (hasPool && listen && listenUrl === undefined) {
    throw new ConfigurationError(
      "a store over your own pool has no connection to listen on; pass listenUrl as well, or listen: false to poll",
    );
  }
  return {
    schema,
    prefix,
    tags: tags === undefined ? undefined : trueOrFalse("tags", tags),
    migrate: trueOrFalse("migrate", migrate),
    isPrepared: trueOrFalse("prepared", prepared),
    isListening: trueOrFalse("listen", listen),
    listenUrl,
    timeoutMs: wholeNumber("timeoutMs", numbers.timeoutMs),
    pollIntervalMs: wholeNumber("pollIntervalMs", numbers.pollIntervalMs),
    maxPendingWrites: wholeNumber("maxPendingWrites", numbers.maxPendingWrites),
    writeConnections: wholeNumber("writeConnections", numbers.writeConnections),
    readConnections: wholeNumber("readConnections", numbers.readConnections),
    transactionConnections: wholeNumber("transactionConnections", numbers.transactionConnections),
    transactionIdleTimeoutMs: wholeNumber("transactionIdleTimeoutMs", numbers.transactionIdleTimeoutMs),
  };
}

function isName(value: unknown, least: number, most: number): boolean {
  return typeof value === "string" && value.length >= least && value.length <= most && /^\w*$/.test(value);
}

function trueOrFalse(name: string, value: unknown): boolean {
  if (typeof value === "boolean") return value;
  throw wrong(name, value, "true or false");
}

function wholeNumber(name: string, value: unknown): number {
  // More than a timer can count would make it fire at once.
  if (typeof value === "number" && Number.isInteger(value) && value >= 1 && value <= 1_000_000_000) return value;
  throw wrong(name, value, "a whole number from 1 to 1000000000");
}

function wrong(name: string, value: unknown, right: string): ConfigurationError {
  const shown = typeof value === "function" ? "a function" : (JSON.stringify(value) ?? String(value));
  return new ConfigurationError(`option ${name} of the PostgreSQL event store is ${shown}; it must be ${right}`);
}
