import { Client } from "pg";
import { createDatabase } from "./create-database.ts";
import type { PostgresServer } from "./postgres-server.ts";

/** A new database on a server that others run; it can be used, but neither stopped nor killed. */
export async function borrowPostgres(adminUrl: string): Promise<PostgresServer> {
  const [version, dataDirectory] = await ask(adminUrl).catch((cause: unknown) => {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new Error(`The server of ES_TEST_POSTGRES_URL cannot be used: ${reason}`, { cause });
  });
  const database = await createDatabase({ url: adminUrl });
  const { hostname, port } = new URL(adminUrl);
  const refuse = async (): Promise<never> => {
    throw new Error(
      "The server of ES_TEST_POSTGRES_URL is not ours to stop or kill: unset the variable for tests that do, they then start their own.",
    );
  };
  return {
    url: database.url,
    host: hostname,
    port: Number(port === "" ? "5432" : port),
    version,
    dataDirectory,
    isRunning: true,
    log: () => "",
    stop: refuse,
    kill: refuse,
    start: refuse,
    restart: refuse,
    startStandby: refuse,
    [Symbol.asyncDispose]: database.drop,
  };
}

async function ask(url: string): Promise<[version: string, dataDirectory: string]> {
  const client = new Client({ connectionString: url, connectionTimeoutMillis: 10_000 });
  await client.connect();
  try {
    // The data directory is for superusers only.
    const { rows } = await client.query<{ version: string; directory: string }>(
      `select split_part(current_setting('server_version'), ' ', 1) as version,
              case when pg_has_role('pg_read_all_settings', 'member') then current_setting('data_directory') else '' end as directory`,
    );
    const [row] = rows;
    return [row?.version ?? "", row?.directory ?? ""];
  } finally {
    await client.end();
  }
}
