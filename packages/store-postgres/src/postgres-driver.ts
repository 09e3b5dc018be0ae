/** A query as the store gives it to the driver. Rows come as lists of the server's own texts. */
export interface PostgresQuery {
  /** Name of the prepared statement; absent when the statement is not kept on the server. */
  name?: string;
  /** The SQL. */
  text: string;
  /** What the SQL's `$1`, `$2` ... stand for. */
  values?: unknown[];
  /** Rows as lists. */
  rowMode: "array";
  /** Leaves every column as the text that the server sent. */
  types: { getTypeParser: () => (text: string) => string };
}

/** What a query returned. */
export interface PostgresResult<Row> {
  /** The rows. */
  readonly rows: Row[];
}

/**
 * The part of a `pg` client that the store uses. A `Client` or `PoolClient` fits as it is. As `tx` it is a client on which the
 * caller has begun a transaction.
 */
export interface PostgresClient {
  /** Runs a query of the store. */
  query<Row extends unknown[]>(query: PostgresQuery): Promise<PostgresResult<Row>>;
  /** Runs SQL of yours. */
  query<Row extends Record<string, unknown>>(text: string, values?: unknown[]): Promise<PostgresResult<Row>>;
  /** Whether a transaction is open: `"I"` none, `"T"` one, `"E"` one that has failed. Newer versions of the driver have it. */
  getTransactionStatus?(): string | null;
  /** Adds a listener. */
  on(event: "error", listener: (error: Error) => void): unknown;
  /** Removes a listener. */
  removeListener(event: "error", listener: (error: Error) => void): unknown;
}

/** A client that is borrowed from a pool. */
export interface PostgresPoolClient extends PostgresClient {
  /** Gives it back; with `true` its connection is closed. */
  release(destroy?: boolean): void;
}

/** The part of a `pg` pool that the store uses. A `Pool` fits as it is. */
export interface PostgresPool {
  /** Borrows a client. */
  connect(): Promise<PostgresPoolClient>;
  /** Adds a listener that is called when a connection has left the pool, for whatever reason. */
  on?(event: "remove", listener: () => void): unknown;
  /** Removes a listener. */
  removeListener?(event: "remove", listener: () => void): unknown;
}

/** A pool that the store made itself. */
export interface OwnPool extends PostgresPool {
  end(): Promise<void>;
  on(event: "error", listener: (error: Error) => void): unknown;
  on(event: "remove", listener: (client: PostgresClient) => void): unknown;
  on(event: "connect", listener: (client: PostgresClient) => void): unknown;
}

/** A notification that came over a connection that listens. */
export interface ListeningClient extends PostgresClient {
  connect(): Promise<unknown>;
  end(): Promise<void>;
  on(event: "error", listener: (error: Error) => void): unknown;
  on(event: "end" | "notification", listener: () => void): unknown;
}

/**
 * How to connect: the settings of a `pg` client (`host`, `port`, `user`, `password`, `database`, `ssl`, ...). They are handed to
 * the driver as they are.
 */
export interface PostgresConnectionSettings {
  /** A `postgres:` address; the other settings win over its parts. */
  readonly connectionString?: string | undefined;
  /** Host name, address, or directory of a socket. */
  readonly host?: string | undefined;
  /** Port. */
  readonly port?: number | undefined;
  /** Role to log in as. */
  readonly user?: string | undefined;
  /** Its password, or a function that gives it. */
  readonly password?: string | (() => string | Promise<string>) | undefined;
  /** The database. */
  readonly database?: string | undefined;
  /** TLS: `true`, or the options of `tls.connect` such as `ca`, `cert`, `key` and `rejectUnauthorized`. */
  readonly ssl?: boolean | object | undefined;
  /** Shown in `pg_stat_activity`. */
  readonly application_name?: string | undefined;
}
