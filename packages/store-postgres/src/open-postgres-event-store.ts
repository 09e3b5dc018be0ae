import { assertDirect } from "./assert-direct.ts";
import { makeConnections } from "./connections.ts";
import { toStoreError } from "./driver-error.ts";
import { inspectServer } from "./inspect-server.ts";
import { openLog } from "./migrate.ts";
import { storeNames } from "./names.ts";
import { type PostgresEventStoreOptions, resolveOptions } from "./options.ts";
import { type PostgresEventStore, postgresEventStore } from "./postgres-event-store.ts";
import { QueryRunner } from "./query-runner.ts";
import type { Ask } from "./refusal.ts";
import { assertSequenceAhead } from "./sequence-check.ts";
import { now } from "./time-limit.ts";

/**
 * Opens the event store in a PostgreSQL database, creating its schema and tables when they are missing.
 *
 * @example
 * ```ts
 * import { openPostgresEventStore } from "@es/store-postgres";
 *
 * await using store = await openPostgresEventStore({ url: "postgres://app@localhost:5432/shop" });
 * await store.append({
 *   streamId: "user-42",
 *   expected: "no-stream",
 *   events: [{ type: "UserSignedUp", data: { name: "Ada" } }],
 * });
 * ```
 *
 * @throws ConfigurationError when an option is wrong, the login is refused, a right is missing, the server is a standby, older than 15 or not PostgreSQL, or a pooler stands before it and `prepared` is not false
 * @throws StoreFormatError when the schema holds something else, or an event log of a newer version
 * @throws StoreCorruptError when the rows were copied from elsewhere and the sequence of their positions was not
 * @throws StoreUnavailableError when the server could not be reached within `timeoutMs`
 */
export async function openPostgresEventStore(options: PostgresEventStoreOptions): Promise<PostgresEventStore> {
  const resolved = resolveOptions(options);
  const connections = await makeConnections(options, resolved);
  const names = storeNames(resolved);
  try {
    const runner = new QueryRunner(connections.read, resolved);
    const connection = await runner.borrow({ deadline: now() + resolved.timeoutMs });
    let isBroken = true;
    try {
      const ask: Ask = (statement, values) => runner.query(connection, statement, values);
      const server = await inspectServer(ask);
      if (resolved.isPrepared) await assertDirect(runner, connection);
      const log = await openLog(runner, connection, { ...resolved, names });
      await assertSequenceAhead(ask, names);
      isBroken = false;
      return postgresEventStore({ connections, names, log, server, options: resolved });
    } finally {
      connection.release(isBroken);
    }
  } catch (error) {
    await connections.close();
    throw toStoreError(error, "opening the event store");
  }
}
