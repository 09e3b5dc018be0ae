export { openFromUrl } from "./open-from-url.ts";
export { openPostgresEventStore } from "./open-postgres-event-store.ts";
export type {
  PostgresCommonOptions,
  PostgresConnectionOptions,
  PostgresEventStoreOptions,
  PostgresPoolOptions,
  PostgresUrlOptions,
} from "./options.ts";
export type {
  PostgresClient,
  PostgresConnectionSettings,
  PostgresPool,
  PostgresPoolClient,
  PostgresQuery,
  PostgresResult,
} from "./postgres-driver.ts";
export type { PostgresEventStore } from "./postgres-event-store.ts";
export { type PostgresSchemaOptions, postgresSchemaSql } from "./schema.ts";
