import { existsSync } from "node:fs";
import { Client } from "pg";
import { createDatabase, startPostgres } from "test-servers";
import { describe, expect, it } from "vitest";
import { isAlive } from "./is-alive.ts";
import { query } from "./query.ts";

describe("startPostgres", () => {
  it("keeps acknowledged rows over a kill, a stop and a restart, on the same port", async () => {
    await using server = await startPostgres();
    const { url } = server;
    await query(url, "create table rows (n int)");

    await query(url, "insert into rows values (1)");
    await server.kill();
    expect(server.isRunning).toBe(false);
    await expect(query(url, "select 1")).rejects.toThrow("ECONNREFUSED");
    await server.start();
    await query(url, "insert into rows values (2)");
    await server.stop();
    await server.start();
    await query(url, "insert into rows values (3)");
    await server.restart();

    expect(server.url).toBe(url);
    expect(await query(url, "select n from rows order by n")).toEqual([{ n: 1 }, { n: 2 }, { n: 3 }]);
  });

  it("kills with statements running and returns when their backends are gone", async () => {
    await using server = await startPostgres();
    const client = new Client({ connectionString: server.url });
    client.on("error", () => {});
    await client.connect();
    const { rows } = await client.query<{ pid: number }>("select pg_backend_pid() as pid");
    const answer = client.query("select pg_sleep(60)").then(
      () => "answered",
      () => "cut",
    );

    await server.kill();

    expect(await isAlive(rows[0]?.pid ?? 0)).toBe(false);
    expect(await answer).toBe("cut");
  });

  it("runs the oldest and the newest installation side by side", async () => {
    const [oldest, newest] = await Promise.all([
      startPostgres({ version: "oldest" }),
      startPostgres({ version: "newest" }),
    ]);
    await using _oldest = oldest;
    await using _newest = newest;

    expect(oldest.port).not.toBe(newest.port);
    expect(await query(oldest.url, "show server_version")).toEqual([
      { server_version: expect.stringContaining(oldest.version) },
    ]);
    expect(await query(newest.url, "show server_version")).toEqual([
      { server_version: expect.stringContaining(newest.version) },
    ]);
    expect(Number(oldest.version)).toBeLessThanOrEqual(Number(newest.version));
    expect(Number(oldest.version)).toBeLessThan(16);
    expect(Number(newest.version)).toBeGreaterThan(18);
  });

  it("removes its data when it is disposed", async () => {
    const server = await startPostgres();
    expect(existsSync(server.dataDirectory)).toBe(true);

    await server[Symbol.asyncDispose]();

    expect(existsSync(server.dataDirectory)).toBe(false);
    expect(server.isRunning).toBe(false);
  });

  it("takes settings, and syncs to disk unless one says otherwise", async () => {
    await using server = await startPostgres({ settings: { synchronous_commit: "off", max_connections: "17" } });

    expect(await query(server.url, "show fsync")).toEqual([{ fsync: "on" }]);
    expect(await query(server.url, "show synchronous_commit")).toEqual([{ synchronous_commit: "off" }]);
    expect(await query(server.url, "show max_connections")).toEqual([{ max_connections: "17" }]);
  });

  it("shows the last lines of the log when the server does not start", async () => {
    await expect(startPostgres({ settings: { shared_buffers: "many" } })).rejects.toThrow(
      /ended with 1 while it started[^]*invalid value for parameter "shared_buffers"/,
    );
  });
});

describe("createDatabase", () => {
  it("gives each test an empty database on a server that they share", async () => {
    await using server = await startPostgres();
    const one = await createDatabase(server);
    await using two = await createDatabase(server);
    await query(one.url, "create table rows (n int)");

    expect(await query(two.url, "select to_regclass('rows')")).toEqual([{ to_regclass: null }]);
    await one.drop();
    await expect(query(one.url, "select 1")).rejects.toThrow("does not exist");
  });
});
