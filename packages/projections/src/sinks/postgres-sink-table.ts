import { ConfigurationError, StoreFormatError } from "@es/core";
import type { SinkConnection } from "./postgres-sink-connection.ts";
import type { PostgresSinkClient } from "./postgres-sink-driver.ts";
import { withoutFormat } from "./sink-format.ts";

/** The format of the table. A database that a newer version wrote is refused. */
const FORMAT = "1";
/** Processes that start together must not make the table at the same time. Any number will do; this one is never changed. */
const LOCK = "7305187201930446211";

/** The name of the registers' table, quoted. @throws ConfigurationError */
export function registersTable(schema: string): string {
  if (typeof schema !== "string" || schema === "" || schema.length > 63 || schema.includes("\u0000")) {
    throw new ConfigurationError(`the schema ${JSON.stringify(schema)} is no name; give one of 1 to 63 characters`);
  }
  return `${quoted(schema)}.es_projection_registers`;
}

function quoted(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}

/**
 * Makes the table when it is not there. Where it is, nothing is created, so that a role without that right will do.
 * @throws StoreFormatError when a newer version of this package made it
 */
export async function prepareTable(connection: SinkConnection<PostgresSinkClient>, schema: string): Promise<void> {
  const table = registersTable(schema);
  const [found] = await connection.query("SELECT to_regclass($1)::text AS name", [table]);
  if (typeof found?.["name"] !== "string") {
    const [place] = await connection.query("SELECT to_regnamespace($1)::text AS name", [quoted(schema)]);
    const createSchema = typeof place?.["name"] !== "string" ? `CREATE SCHEMA IF NOT EXISTS ${quoted(schema)};` : "";
    // One call is one transaction. Values are bytes, because a text of PostgreSQL cannot hold U+0000.
    await connection.query(`
      SELECT pg_advisory_xact_lock(${LOCK});
      ${createSchema}
      CREATE TABLE IF NOT EXISTS ${table} (
        key text COLLATE "C" PRIMARY KEY,
        value bytea,
        revision bigint NOT NULL
      );
      INSERT INTO ${table} (key, value, revision) VALUES ('', convert_to('${FORMAT}', 'UTF8'), 0) ON CONFLICT DO NOTHING;
    `);
  }
  const [row] = await connection.query(`SELECT convert_from(value, 'UTF8') AS format FROM ${table} WHERE key = ''`);
  const format = row?.["format"];
  if (format === FORMAT) return;
  if (format === undefined || format === null) throw withoutFormat(table);
  throw new StoreFormatError(
    `the table ${table} has format ${format}, this package knows format ${FORMAT}; install the version that wrote it`,
  );
}
