export { createDatabase, type TestDatabase } from "./create-database.ts";
export type { WantedVersion } from "./find-postgres.ts";
export { type NatsCluster, type NatsClusterOptions, startNatsCluster } from "./nats-cluster.ts";
export { type NatsOptions, type NatsServer, startNats } from "./nats-server.ts";
export { type PgBouncer, type PgBouncerOptions, startPgBouncer } from "./pgbouncer.ts";
export { type PostgresOptions, type PostgresServer, startPostgres } from "./postgres-server.ts";
export { type Direction, startTcpProxy, type TcpProxy } from "./tcp-proxy.ts";
