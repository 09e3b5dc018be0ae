import { ConfigurationError } from "@es/core";
import type { Ask } from "./refusal.ts";
import { statementOf } from "./statement.ts";

const OLDEST = 150_000;

/** What the store needs to know about the server. */
export interface ServerFacts {
  readonly fsync: string;
  readonly synchronousCommit: string;
  readonly standbys: string;
}

const PROBE = statementOf(
  "SELECT version(), current_setting('server_version_num'), pg_is_in_recovery()::text, current_setting('server_encoding'), current_setting('fsync'), current_setting('synchronous_commit'), current_setting('synchronous_standby_names')",
);
const VERSION = statementOf("SELECT version()");

/** @throws ConfigurationError when the store's order of positions cannot be kept on this server */
export async function inspectServer(ask: Ask): Promise<ServerFacts> {
  // Look-alikes know the function, but not all settings.
  const [version] = await ask(VERSION, []);
  assertPostgres(version?.[0] ?? "");
  const [row] = await ask(PROBE, []);
  const [name, number, isInRecovery, encoding, fsync, synchronousCommit, standbys] = row ?? [];
  if (Number(number) < OLDEST) {
    throw new ConfigurationError(`the server is ${name}; the store needs PostgreSQL 15 or later, upgrade the server`);
  }
  if (isInRecovery === "true") {
    throw new ConfigurationError(
      "the server is a standby (pg_is_in_recovery), which neither takes appends nor knows who is appending; connect to the primary, for instance with target_session_attrs=read-write",
    );
  }
  if (encoding !== "UTF8") {
    throw new ConfigurationError(
      `the database has the encoding ${encoding}, which cannot hold every text; create one with ENCODING 'UTF8'`,
    );
  }
  return { fsync: fsync ?? "", synchronousCommit: synchronousCommit ?? "", standbys: standbys ?? "" };
}

/** @throws ConfigurationError for a server that only speaks PostgreSQL's protocol */
export function assertPostgres(version: string): void {
  if (
    /^PostgreSQL \d/.test(version) &&
    !/-YB-|yugabyte|cockroach|redshift|greenplum|cloudberry|opengauss/i.test(version)
  )
    return;
  throw new ConfigurationError(
    `the server is not PostgreSQL but ${JSON.stringify(version)}; the order of positions relies on locks and sequences that others do not have, use PostgreSQL 15 or later`,
  );
}
