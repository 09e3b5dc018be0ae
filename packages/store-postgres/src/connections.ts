import { ConfigurationError } from "@es/core";
import { letGo } from "./let-go.ts";
import { loadDriver } from "./load-driver.ts";
import type { PostgresEventStoreOptions, ResolvedOptions } from "./options.ts";
import type { ListeningClient, OwnPool, PostgresClient, PostgresPool } from "./postgres-driver.ts";
import { onRemoval } from "./pool-removals.ts";
import { queryOf } from "./statement.ts";
import { now, withinLimit } from "./time-limit.ts";

/**
 * How long a group of appends waits for a lock. Somebody else's transaction that has appended to one stream and stays open must
 * not hold up the appends to all others.
 */
export const LOCK_TIMEOUT_MS = 100;

/** How many appends may wait for the transactions of others at a time, each on its own connection. */
export const PATIENT_APPENDS = 2;

/** Where the store's connections come from. Each kind of work has its own, so that none can starve another. */
export interface Connections {
  /** For appends. A statement on it may wait for a lock for {@link LOCK_TIMEOUT_MS} only. */
  readonly write: PostgresPool;
  /** For appends that have to wait for the transactions of others. */
  readonly patient: PostgresPool;
  /** Whether the connections' own settings limit time and waiting; otherwise each transaction has to. */
  readonly isLimited: boolean;
  /** For reads and registers. */
  readonly read: PostgresPool;
  /** For transactions of callers. */
  readonly transaction: PostgresPool;
  /** Makes a connection to listen on, not yet connected; `undefined` when the store only polls. */
  readonly makeListener: (() => ListeningClient) | undefined;
  /**
   * Calls the listener when an idle connection was cut, because the server may come back as an older copy. Over a pool of the
   * caller, when any connection has left it.
   */
  onIdleLost(listener: () => void): void;
  /** Ends the store's own connections. */
  close(): Promise<void>;
}

/** @throws ConfigurationError when the driver is missing or the options name no database */
export async function makeConnections(
  options: PostgresEventStoreOptions,
  resolved: ResolvedOptions,
): Promise<Connections> {
  const { timeoutMs, isPrepared, isListening, listenUrl } = resolved;
  const common = {
    connectionTimeoutMillis: timeoutMs,
    keepAlive: true,
    application_name: "event-store",
    // A pooler refuses settings that it does not know.
    ...(isPrepared ? { statement_timeout: timeoutMs } : {}),
  };
  const settings = { ...common, ...settingsOf(options) };
  if ("pool" in options && (listenUrl === undefined || !isListening)) {
    const { pool } = options;
    return { ...shared(pool), makeListener: undefined };
  }

  const { Pool, Client } = await loadDriver();
  const makeListener = isListening
    ? () =>
        new Client(
          listenUrl === undefined
            ? settings
            : { ...common, ...("connection" in options ? options.connection : {}), ...parsedUrl(listenUrl) },
        )
    : undefined;
  if ("pool" in options) {
    const { pool } = options;
    return { ...shared(pool), makeListener };
  }
  const idleLost = new Set<() => void>();
  const connected = new Set<PostgresClient>();
  const own = (max: number, more: object = {}): OwnPool => {
    const pool = new Pool({ ...settings, ...more, max, idleTimeoutMillis: 60_000 });
    // An idle connection was cut. The pool has dropped it already, and makes another when one is needed.
    pool.on("error", () => {
      for (const listener of idleLost) listener();
    });
    // A connection can break in the moment between its making and its first use, when nobody listens yet.
    pool.on("connect", (client) => {
      client.on("error", () => undefined);
      connected.add(client);
    });
    pool.on("remove", (client) => connected.delete(client));
    return pool;
  };
  // The plan of an append is always the same; looking for a better one each time takes as long as the append.
  const planOnce = isPrepared
    ? {
        // The pool's own limit ends with the log-in, and one connection that goes silent here would take its place for ever.
        onConnect: (client: PostgresClient) =>
          withinLimit(client.query(queryOf("SET plan_cache_mode = force_generic_plan", [], false)), {
            deadline: now() + timeoutMs,
            late: () => new Error(`PostgreSQL did not answer within ${timeoutMs} ms after the log-in`),
          }),
      }
    : {};
  const write = own(resolved.writeConnections, {
    ...planOnce,
    ...(isPrepared ? { lock_timeout: LOCK_TIMEOUT_MS } : {}),
  });
  const patient = own(PATIENT_APPENDS, planOnce);
  const read = own(resolved.readConnections);
  // What the caller does in its transactions may take as long as it likes.
  const transaction = own(resolved.transactionConnections, isPrepared ? { statement_timeout: 0 } : {});
  return {
    write,
    patient,
    read,
    transaction,
    isLimited: isPrepared,
    makeListener,
    onIdleLost: (listener) => void idleLost.add(listener),
    async close() {
      const ended = Promise.all([write, patient, read, transaction].map((pool) => pool.end()));
      // A connection that hangs must not hold up the process that closes its store.
      await withinLimit(ended, { deadline: now() + timeoutMs, late: () => new Error("late") }).catch(() => undefined);
      // Nor must one whose farewell is not answered, for which the pool does not wait.
      for (const client of connected) letGo(client);
    },
  };
}

function shared(pool: PostgresPool): Omit<Connections, "makeListener"> {
  const stops: (() => void)[] = [];
  return {
    write: pool,
    patient: pool,
    read: pool,
    transaction: pool,
    isLimited: false,
    onIdleLost: (listener) => void stops.push(onRemoval(pool, listener)),
    async close() {
      for (const stop of stops.splice(0)) stop();
    },
  };
}

function settingsOf(options: PostgresEventStoreOptions): object {
  if ("pool" in options) {
    if (typeof options.pool?.connect === "function") return {};
    throw new ConfigurationError("option pool of the PostgreSQL event store is no pool; pass a Pool of the package pg");
  }
  if ("connection" in options) {
    if (typeof options.connection === "object" && options.connection !== null) return options.connection;
    throw new ConfigurationError(
      "option connection of the PostgreSQL event store is no object with host, user and so on",
    );
  }
  return parsedUrl(options.url);
}

function parsedUrl(url: unknown): { readonly connectionString: string } {
  // The address may hold a password, so it is not repeated.
  if (typeof url !== "string" || !/^postgres(ql)?:\/\//i.test(url)) {
    throw new ConfigurationError(
      'the address of the PostgreSQL event store does not begin with "postgres://", as in "postgres://user@host:5432/database"',
    );
  }
  return { connectionString: url };
}
