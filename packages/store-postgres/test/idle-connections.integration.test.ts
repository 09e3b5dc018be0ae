import pg from "pg";
import { type PostgresServer, startPostgres } from "test-servers";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Connections, makeConnections } from "../src/connections.ts";
import { type PostgresEventStoreOptions, resolveOptions } from "../src/options.ts";
import { openDatabase } from "./database.ts";

let server: PostgresServer;

beforeAll(async () => {
  server = await startPostgres();
}, 120_000);

afterAll(async () => {
  await server[Symbol.asyncDispose]();
});

async function connectionsFor(options: PostgresEventStoreOptions): Promise<Connections> {
  return makeConnections(options, resolveOptions(options));
}

describe("a store hears of its idle connections that are cut", () => {
  it.each(["its own", "those of a pool of the caller"])("%s", async (whose) => {
    await using database = await openDatabase(server);
    const pool = new pg.Pool({ connectionString: database.url });
    // The caller's own listener: without one, a cut connection ends the process.
    pool.on("error", () => undefined);
    const connections = await connectionsFor(whose === "its own" ? { url: database.url } : { pool });
    const heard = Promise.withResolvers<string>();
    connections.onIdleLost(() => heard.resolve("heard"));
    const client = await connections.read.connect();
    await client.query("SELECT 1");
    client.release();

    await database.query(
      "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()",
    );

    expect(await heard.promise).toBe("heard");
    await connections.close();
    await pool.end();
  });
});
