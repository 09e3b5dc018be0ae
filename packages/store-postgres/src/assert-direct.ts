import { ConfigurationError } from "@es/core";
import type { Borrowed, QueryRunner } from "./query-runner.ts";

/**
 * Makes sure that no pooler stands between the store and the server. Prepared statements and the settings of a session would not
 * last behind one, and the server process that runs an append could not be named when its answer is lost. A pooler that lends
 * its connections tells its clients process ids of its own making.
 *
 * @throws ConfigurationError
 */
export async function assertDirect(runner: QueryRunner, connection: Borrowed): Promise<void> {
  const { client } = connection;
  // A driver that does not tell leaves nothing to compare.
  if (!("processID" in client) || typeof client.processID !== "number") return;
  const told = client.processID;
  // Twice: a pooler may hand on the id of the server process that it begins with, and change the process.
  for (let look = 0; look < 2; look += 1) {
    const [row] = await runner.query(connection, "SELECT pg_backend_pid()", []);
    const actual = Number(row?.[0]);
    if (actual === told) continue;
    throw new ConfigurationError(
      `there is a pooler that shares connections, such as PgBouncer: the connection belongs to process ${told}, and process ${actual} of the server answers; open the store with prepared: false, and with listenUrl or listen: false`,
    );
  }
}
