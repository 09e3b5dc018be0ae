import { ConfigurationError, StoreFormatError } from "@es/core";
import { CommittedView } from "./committed-view.ts";
import { toStoreError } from "./driver-error.ts";
import { FileInPlace } from "./file-in-place.ts";
import { identityOf, inspectFile } from "./inspect-file.ts";
import { assertMayCreate, migrate } from "./migrate.ts";
import { checkFile, loadDriver } from "./open-file.ts";
import type { ResolvedOptions, SqliteEventStoreOptions } from "./options.ts";
import { ReadConnection } from "./read-connection.ts";
import { retryWhileLocked } from "./retry.ts";
import { MIGRATIONS } from "./schema.ts";
import { prepareRows, type SqliteDatabase } from "./sqlite-database.ts";
import { WriteConnection } from "./write-connection.ts";

/** The open connections of one store. */
export interface Connections {
  /** What {@link writer} writes to. */
  readonly database: SqliteDatabase;
  readonly view: CommittedView;
  readonly writer: WriteConnection;
  readonly reader: ReadConnection;
  readonly identity: string;
  readonly isReadOnly: boolean;
  /** Whether there is no file. */
  readonly isInMemory: boolean;
  /** Closes what the store opened itself. */
  close(): void;
}

/**
 * Opens the connections, creates or migrates the tables. What was opened is closed again when anything fails.
 *
 * @throws ConfigurationError, StoreFormatError, StoreCorruptError, StoreUnavailableError
 */
export async function openConnections(
  options: SqliteEventStoreOptions,
  resolved: ResolvedOptions,
): Promise<Connections> {
  const opened: SqliteDatabase[] = [];
  const close = (): void => {
    for (const database of opened.toReversed()) if (database.open) database.close();
  };
  try {
    return await ("database" in options
      ? openOverDatabase(options.database, resolved, opened, close)
      : openPath(options.path, resolved, opened, close));
  } catch (error) {
    close();
    const name = "database" in options ? options.database.name : options.path;
    throw toStoreError(error, `opening the event store in ${JSON.stringify(name)}`);
  }
}

async function openPath(
  path: string,
  options: ResolvedOptions,
  opened: SqliteDatabase[],
  close: () => void,
): Promise<Connections> {
  const isInMemory = path === ":memory:";
  if (isInMemory && options.isReadOnly) {
    throw new ConfigurationError(`option readOnly cannot be used with path ":memory:", which starts empty`);
  }
  const file = isInMemory ? { path, isReadOnly: false } : checkFile(path, options.isReadOnly);
  const connect = await loadDriver();
  const open = (isReadOnly: boolean): SqliteDatabase => {
    const database = connect(file.path, { isReadOnly });
    opened.push(database);
    return database;
  };
  const deadline = performance.now() + options.timeoutMs;

  const database = await retryWhileLocked(() => open(file.isReadOnly), deadline);
  const writer = new WriteConnection(database, { isForeign: false });
  await prepareDatabase(
    writer,
    { ...options, isReadOnly: file.isReadOnly, synchronous: options.synchronous ?? "FULL" },
    deadline,
  );
  if (!isInMemory) writer.file = new FileInPlace(file.path);
  const readDatabase = isInMemory ? database : await retryWhileLocked(() => open(true), deadline);
  const view = new CommittedView();
  return {
    database,
    view,
    writer,
    reader: await retryWhileLocked(
      () => new ReadConnection(readDatabase, { isShared: isInMemory, view, timeoutMs: options.timeoutMs }),
      deadline,
    ),
    identity: requireIdentity(database),
    isReadOnly: file.isReadOnly,
    isInMemory,
    close,
  };
}

async function openOverDatabase(
  database: SqliteDatabase,
  options: ResolvedOptions,
  opened: SqliteDatabase[],
  close: () => void,
): Promise<Connections> {
  if (!database.open)
    throw new ConfigurationError("the Database that was given to the event store is closed; open it first");
  if (database.inTransaction) {
    throw new ConfigurationError(
      "the Database that was given to the event store is in a transaction; end it before opening the store",
    );
  }
  const isReadOnly = options.isReadOnly || database.readonly;
  const deadline = performance.now() + options.timeoutMs;
  const writer = new WriteConnection(database, { isForeign: true });
  await prepareDatabase(writer, { ...options, isReadOnly }, deadline);
  const identity = requireIdentity(database);
  const file = fileOf(database);
  if (file !== "") writer.file = new FileInPlace(file);
  const own = file === "" ? undefined : await connectBeside(file, identity, deadline);
  if (own !== undefined) opened.push(own);
  const view = new CommittedView();
  return {
    database,
    view,
    writer,
    reader: new ReadConnection(own ?? database, { isShared: own === undefined, view, timeoutMs: options.timeoutMs }),
    identity,
    isReadOnly,
    isInMemory: file === "",
    close,
  };
}

/**
 * A read connection of the store's own beside the caller's. Where that does not work (an encrypted file, a driver of another
 * make), reads go through the caller's connection and wait while a transaction is open there.
 */
async function connectBeside(file: string, identity: string, deadline: number): Promise<SqliteDatabase | undefined> {
  let database: SqliteDatabase | undefined;
  try {
    const connect = await loadDriver();
    const opened = connect(file, { isReadOnly: true });
    database = opened;
    if ((await retryWhileLocked(() => identityOf(opened), deadline)) === identity) return opened;
  } catch {
    // Falls through to the caller's own connection, whose errors will be reported.
  }
  database?.close();
  return undefined;
}

async function prepareDatabase(writer: WriteConnection, options: ResolvedOptions, deadline: number): Promise<void> {
  const { database } = writer;
  const content = await retryWhileLocked(() => inspectFile(database), deadline);
  assertMayCreate(content, options.allowForeignTables, database.name);
  if (options.isReadOnly) {
    if (content.kind !== "log") {
      throw new StoreFormatError(
        `${JSON.stringify(database.name)} holds no event log; open it once without readOnly to create it`,
      );
    }
    if (content.format < MIGRATIONS.length) {
      throw new StoreFormatError(
        `the event log has the older format ${content.format}; open it once without readOnly to bring it to format ${MIGRATIONS.length}`,
      );
    }
    return;
  }
  // Stays in the file. Where it cannot be had (no shared memory, say), the old journal is right as well, only slower.
  await retryWhileLocked(() => database.pragma("journal_mode = WAL"), deadline);
  if (options.synchronous !== undefined) database.pragma(`synchronous = ${options.synchronous}`);
  await retryWhileLocked(
    () => migrate(writer, { migrations: MIGRATIONS, allowForeignTables: options.allowForeignTables }),
    deadline,
  );
}

function requireIdentity(database: SqliteDatabase): string {
  const identity = identityOf(database);
  if (identity === undefined)
    throw new StoreFormatError("the event log has lost its identity (a row of es_meta); restore a backup");
  return identity;
}

/** The absolute path of the main database, empty when it is in memory. */
function fileOf(database: SqliteDatabase): string {
  const databases = prepareRows<readonly [number, string, string]>(database, "PRAGMA database_list").all();
  return databases.find(([, name]) => name === "main")?.[2] ?? "";
}
