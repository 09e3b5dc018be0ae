/**
 * What a handler writes with: the client of one transaction, without what would end that. The `tx` of a PostgreSQL store is one too, so
 * handlers of `exactlyOnce<PostgresTransaction>()` fit `sink: createPostgresSink(pool)` and `sink: store`.
 */
export interface PostgresTransaction {
  /** Runs SQL in the transaction. */
  query<Row extends Record<string, unknown>>(
    text: string,
    values?: unknown[],
  ): Promise<{
    /** The rows that came back. */
    readonly rows: Row[];
  }>;
}

/** The part of a `pg` client that the sink uses. A `PoolClient` fits as it is. */
export interface PostgresSinkClient extends PostgresTransaction {
  /** Runs SQL. */
  query<Row extends Record<string, unknown>>(
    text: string,
    values?: unknown[],
  ): Promise<{
    /** What was done, as the server says it: `SELECT`, `COMMIT`. */
    readonly command: string;
    /** The rows that came back. */
    readonly rows: Row[];
  }>;
  /** Whether a transaction is open: `"I"` when none is. Drivers that do not tell cannot be checked. */
  getTransactionStatus?(): string | null;
  /** Gives it back to the pool; with `true` its connection is closed. */
  release(destroy?: boolean): void;
  /** Adds a listener. */
  on(event: "error", listener: (error: Error) => void): unknown;
  /** Removes a listener. */
  removeListener(event: "error", listener: (error: Error) => void): unknown;
}

/** The part of a `pg` pool that the sink uses. A `Pool` fits as it is. */
export interface PostgresSinkPool<Client extends PostgresSinkClient> {
  /** Borrows a client. */
  connect(): Promise<Client>;
}
