export { openFromUrl } from "./open-from-url.ts";
export { openSqliteEventStore } from "./open-sqlite-event-store.ts";
export type {
  SqliteCommonOptions,
  SqliteDatabaseOptions,
  SqliteEventStoreOptions,
  SqlitePathOptions,
} from "./options.ts";
export type { SqliteDatabase, SqliteStatement } from "./sqlite-database.ts";
export type { SqliteEventStore } from "./sqlite-event-store.ts";
