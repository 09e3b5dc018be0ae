/** The part of a better-sqlite3 statement that the store uses. */
export interface SqliteStatement<Row = unknown> {
  /** Executes it. */
  run(...params: unknown[]): { readonly changes: number; readonly lastInsertRowid: number | bigint };
  /** The first row. */
  get(...params: unknown[]): Row | undefined;
  /** All rows. */
  all(...params: unknown[]): Row[];
  /** Whether rows come as lists. */
  raw(toggle?: boolean): this;
  /** Whether only the first column comes. */
  pluck(toggle?: boolean): this;
  /** Whether integers come as `bigint`. */
  safeIntegers(toggle?: boolean): this;
}

/**
 * The part of a better-sqlite3 `Database` that the store uses. A `Database` of the caller fits as it is, whichever version of
 * the driver or of its types it comes from.
 */
export interface SqliteDatabase {
  /** The file name that it was opened with. */
  readonly name: string;
  /** Whether it is open. */
  readonly open: boolean;
  /** Whether a transaction is open. */
  readonly inTransaction: boolean;
  /** Whether it was opened for reading only. */
  readonly readonly: boolean;
  /** Prepares a statement. */
  prepare<Row = unknown>(source: string): SqliteStatement<Row>;
  /** Executes statements without results. */
  exec(source: string): unknown;
  /** Reads or sets a pragma. */
  pragma(source: string, options?: { simple?: boolean | undefined }): unknown;
  /** Whether statements may write while rows are iterated over. */
  unsafeMode?(toggle?: boolean): unknown;
  /** Closes it. */
  close(): unknown;
}

/** A statement whose rows come as lists, in the order of the columns. */
export function prepareRows<Row extends readonly unknown[]>(
  database: SqliteDatabase,
  source: string,
): SqliteStatement<Row> {
  // The owner of the database may have made bigint its default for integers.
  return database.prepare<Row>(source).raw(true).safeIntegers(false);
}

/** A statement that returns one column. */
export function prepareValue<Value>(database: SqliteDatabase, source: string): SqliteStatement<Value> {
  return database.prepare<Value>(source).pluck(true).safeIntegers(false);
}

/** A statement that returns nothing. */
export function prepareCommand(database: SqliteDatabase, source: string): SqliteStatement {
  return database.prepare(source).safeIntegers(false);
}
