export { createDatabase, type TestDatabase } from "./create-database.ts";
export { type PostgresOptions, type PostgresServer, startPostgres } from "./postgres-server.ts";
