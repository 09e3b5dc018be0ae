import { Client } from "pg";
import { createDatabase, startPgBouncer, startPostgres } from "test-servers";
import { expect, it } from "vitest";
import { query } from "./query.ts";

const LONG = { timeout: 120_000 };

it.each(["oldest", "newest"] as const)(
  "%s: clients share a server connection, by transactions",
  LONG,
  async (version) => {
    await using server = await startPostgres();
    await using database = await createDatabase(server);
    await using bouncer = await startPgBouncer({
      upstreamUrl: database.url,
      poolMode: "transaction",
      version,
      settings: { default_pool_size: "1" },
    });
    const clients = await Promise.all([1, 2, 3].map(async () => await connect(bouncer.url)));

    const pids: unknown[] = [];
    for (const client of clients)
      pids.push((await client.query("select pg_backend_pid(), current_database()")).rows[0]);
    await Promise.all(clients.map(async (client) => await client.end()));

    expect(Number.parseInt(bouncer.version.split(".")[1] ?? "", 10) > 18).toBe(version === "newest");
    expect(pids[0]).toMatchObject({ current_database: database.name });
    expect(pids).toEqual([pids[0], pids[0], pids[0]]);
  },
);

it("cuts its clients when it stops, and serves on the same port when it starts again", {
  timeout: 120_000,
}, async () => {
  await using server = await startPostgres();
  await using bouncer = await startPgBouncer({ upstreamUrl: server.url, poolMode: "transaction" });
  const client = await connect(bouncer.url);
  const isCut = new Promise((resolve) => client.on("error", resolve));

  await bouncer.stop();
  await isCut;
  await expect(query(bouncer.url, "select 1")).rejects.toThrow("ECONNREFUSED");
  await bouncer.start();

  expect(await query(bouncer.url, "select 1 as one")).toEqual([{ one: 1 }]);
});

async function connect(url: string): Promise<Client> {
  const client = new Client({ connectionString: url });
  await client.connect();
  return client;
}
