import { openConnections } from "./connections.ts";
import { resolveOptions, type SqliteEventStoreOptions } from "./options.ts";
import { type SqliteEventStore, sqliteEventStore } from "./sqlite-event-store.ts";

/**
 * Opens the event store in a SQLite file, creating file and tables when they are missing.
 *
 * @example
 * ```ts
 * import { openSqliteEventStore } from "@es/store-sqlite";
 *
 * await using store = await openSqliteEventStore({ path: "./events.db" });
 * await store.append({
 *   streamId: "user-42",
 *   expected: "no-stream",
 *   events: [{ type: "UserSignedUp", data: { name: "Ada" } }],
 * });
 * ```
 *
 * @throws ConfigurationError when an option is wrong or the file cannot be opened
 * @throws StoreFormatError when the file holds something else, or an event log of a newer version
 * @throws StoreCorruptError when the file is damaged
 * @throws StoreUnavailableError when it was locked for longer than `timeoutMs`
 */
export async function openSqliteEventStore(options: SqliteEventStoreOptions): Promise<SqliteEventStore> {
  const resolved = resolveOptions(options);
  return sqliteEventStore(await openConnections(options, resolved), resolved);
}
