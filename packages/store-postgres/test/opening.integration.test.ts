import { readFile } from "node:fs/promises";
import { createServer } from "node:net";
import { openEventStore } from "@es/core";
import pg from "pg";
import { readLog, writeOf } from "test-helpers";
import { type PostgresServer, startPostgres } from "test-servers";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { openPostgresEventStore, postgresSchemaSql } from "../src/index.ts";
import { openDatabase, type TestDatabase } from "./database.ts";
import { newEvent } from "./new-event.ts";

let server: PostgresServer;

beforeAll(async () => {
  server = await startPostgres();
}, 120_000);

afterAll(async () => {
  await server[Symbol.asyncDispose]();
});

/** Everything in a schema, as PostgreSQL describes it. */
async function describeSchema(database: TestDatabase, schema: string): Promise<unknown> {
  return database.query(
    `SELECT 'column', c.relname, a.attname, format_type(a.atttypid, a.atttypmod), a.attnotnull, a.attidentity, pg_get_expr(d.adbin, d.adrelid), co.collname
     FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid LEFT JOIN pg_attrdef d ON d.adrelid = c.oid AND d.adnum = a.attnum LEFT JOIN pg_collation co ON co.oid = a.attcollation
     WHERE c.relnamespace = quote_ident($1::text)::regnamespace AND a.attnum > 0
     UNION ALL SELECT 'index', indexname, indexdef, NULL, NULL, NULL, NULL, NULL FROM pg_indexes WHERE schemaname = $1::text
     UNION ALL SELECT 'function', proname, pg_get_functiondef(oid), NULL, NULL, NULL, NULL, NULL FROM pg_proc WHERE pronamespace = quote_ident($1::text)::regnamespace
     UNION ALL SELECT 'trigger', tgname, pg_get_triggerdef(oid), NULL, NULL, NULL, NULL, NULL FROM pg_trigger WHERE tgrelid IN (SELECT oid FROM pg_class WHERE relnamespace = quote_ident($1::text)::regnamespace) AND NOT tgisinternal
     ORDER BY 1, 2, 3`,
    [schema],
  );
}

describe("opening", () => {
  it.each([{}, { tags: true }, { schema: "Shop", prefix: "log_" }])(
    "the SQL for administrators makes what opening makes (%o)",
    async (options) => {
      await using opened = await openDatabase(server);
      await using applied = await openDatabase(server);
      const schema = "schema" in options ? (options.schema ?? "es") : "es";

      await opened.open(options);
      await applied.query(postgresSchemaSql(options));
      const store = await applied.open({ ...options, migrate: false });

      expect(await describeSchema(applied, schema)).toStrictEqual(await describeSchema(opened, schema));
      expect((await store.append(writeOf("a-1", 0))).versions).toStrictEqual([1]);
    },
  );

  it.each([1, 0, 2.5, 1_001, Number.NaN])("%s partitions are refused", (partitions) => {
    expect(() => postgresSchemaSql({ partitions })).toThrow(/option partitions .* from 2 to 1000/);
  });

  it("spreads the streams over partitions, and a role may append to them with the grants of the documentation", async () => {
    await using database = await openDatabase(server);
    await database.query(postgresSchemaSql({ partitions: 4 }));
    await database.query(
      `DROP ROLE IF EXISTS partition_appender; CREATE ROLE partition_appender LOGIN; GRANT USAGE ON SCHEMA es TO partition_appender;
       GRANT SELECT ON es.meta, es.events, es.registers, es.events_position_seq TO partition_appender;
       GRANT INSERT ON es.events TO partition_appender; GRANT USAGE ON SEQUENCE es.events_position_seq TO partition_appender`,
    );
    const url = new URL(database.url);
    url.username = "partition_appender";
    {
      await using store = await openPostgresEventStore({ url: url.href, migrate: false });
      for (let n = 0; n < 40; n += 1) await store.append(writeOf(`a-${n}`, 0, 2));
      expect(await readLog(store)).toHaveLength(80);
    }

    const [row] = await database.query("SELECT count(DISTINCT tableoid), min(position), max(position) FROM es.events");
    expect(row).toStrictEqual(["4", "1", "80"]);
    await database.query("DROP OWNED BY partition_appender; DROP ROLE partition_appender");
  });

  it("schema.sql is the SQL for administrators with the defaults", async () => {
    expect(await readFile(new URL("../schema.sql", import.meta.url), "utf8")).toBe(postgresSchemaSql());
  });

  it("many instances that open a new database at the same moment make one event log", async () => {
    await using database = await openDatabase(server);

    const stores = await Promise.all(Array.from({ length: 12 }, () => database.open({ listen: false })));

    const identities = await Promise.all(stores.map((store) => store.identity()));
    expect(new Set(identities).size).toBe(1);
    await Promise.all(stores.map((store, n) => store.append(writeOf(`a-${n}`, 0))));
    expect(await readLog(stores[0] ?? (await database.open()))).toHaveLength(12);
  });

  it("refuses an event log of a newer format", async () => {
    await using database = await openDatabase(server);
    await database.open();
    await database.query("UPDATE es.meta SET value = '99' WHERE key = 'format'");

    await expect(database.open()).rejects.toMatchObject({
      code: "ES_STORE_FORMAT",
      message: expect.stringContaining("upgrade @es/store-postgres"),
    });
  });

  it("refuses tables of somebody else with the same names, and leaves them alone", async () => {
    await using database = await openDatabase(server);
    await database.query("CREATE SCHEMA es; CREATE TABLE es.events (id int); CREATE TABLE es.guests (id int)");

    await expect(database.open()).rejects.toMatchObject({
      code: "ES_STORE_FORMAT",
      message: expect.stringContaining("another schema or prefix"),
    });
    const tables = await database.query("SELECT tablename FROM pg_tables WHERE schemaname = 'es' ORDER BY 1");
    expect(tables).toStrictEqual([["events"], ["guests"]]);
    const beside = await database.open({ prefix: "log_" });
    expect(await beside.head()).toBe("");
  });

  it("refuses to create anything with migrate: false", async () => {
    await using database = await openDatabase(server);

    await expect(database.open({ migrate: false })).rejects.toMatchObject({
      code: "ES_STORE_FORMAT",
      message: expect.stringContaining("postgresSchemaSql"),
    });
    expect(await database.query("SELECT 1 FROM pg_namespace WHERE nspname = 'es'")).toStrictEqual([]);
  });

  it("keeps to whether the log was made with tags", async () => {
    await using database = await openDatabase(server);
    await database.open({ tags: true });

    expect((await database.open()).capabilities.conditions).toBe("query");
    await expect(database.open({ tags: false })).rejects.toMatchObject({ code: "ES_CONFIGURATION" });
  });

  it("tells the durability that the server has", async () => {
    await using database = await openDatabase(server);
    expect((await database.open()).capabilities.durability).toBe("fsync");

    await database.query(`ALTER DATABASE "${new URL(database.url).pathname.slice(1)}" SET synchronous_commit = off`);

    const { durability, gaps } = (await database.open()).capabilities;
    expect(durability).toBe("buffered");
    expect(gaps.durability).toContain("synchronous_commit");
  });

  it("works where transactions are serializable by default", async () => {
    await using database = await openDatabase(server);
    const name = new URL(database.url).pathname.slice(1);
    await database.query(`ALTER DATABASE "${name}" SET default_transaction_isolation = 'serializable'`);
    const store = await database.open({ tags: true });

    await Promise.all(Array.from({ length: 50 }, (_, n) => store.append(writeOf(`a-${n % 5}`, "any"))));
    await store.registers.set("k", "v");

    expect(await readLog(store)).toHaveLength(50);
  });

  it("refuses a database whose encoding cannot hold every text", async () => {
    const client = new pg.Client({ connectionString: server.url });
    await client.connect();
    await client.query("CREATE DATABASE latin ENCODING 'LATIN1' LOCALE 'C' TEMPLATE template0");
    await client.end();
    const url = new URL(server.url);
    url.pathname = "/latin";

    await expect(openPostgresEventStore({ url: url.href })).rejects.toMatchObject({
      code: "ES_CONFIGURATION",
      message: expect.stringContaining("UTF8"),
    });
  });

  it("names what is wrong with the address, the login and the database", async () => {
    const url = new URL(server.url);
    url.pathname = "/missing";
    await expect(openPostgresEventStore({ url: url.href })).rejects.toMatchObject({
      code: "ES_CONFIGURATION",
      message: expect.stringContaining("no such database"),
    });
    url.username = "nobody";
    await expect(openPostgresEventStore({ url: url.href })).rejects.toMatchObject({ code: "ES_CONFIGURATION" });
    await expect(openPostgresEventStore({ url: "mysql://localhost/x" })).rejects.toMatchObject({
      code: "ES_CONFIGURATION",
      message: expect.stringContaining("postgres://"),
    });
    await expect(
      openPostgresEventStore({ connection: { host: "127.0.0.1", port: 1 }, timeoutMs: 300 }),
    ).rejects.toMatchObject({ code: "ES_STORE_UNAVAILABLE" });
    await expect(
      openPostgresEventStore({ connection: { connectionString: server.url, ssl: true }, timeoutMs: 300 }),
    ).rejects.toMatchObject({ code: "ES_CONFIGURATION", message: expect.stringContaining("secured") });
  });

  it("gives up on a server that accepts connections and says nothing", async () => {
    const silent = createServer();
    await new Promise<void>((resolve) => {
      silent.listen(0, "127.0.0.1", resolve);
    });
    const address = silent.address();
    const port = typeof address === "object" && address !== null ? address.port : 0;

    await expect(
      openPostgresEventStore({ connection: { host: "127.0.0.1", port }, timeoutMs: 300 }),
    ).rejects.toMatchObject({ code: "ES_STORE_UNAVAILABLE" });
    silent.close();
  });

  it("is found by openEventStore, with options in the address", async () => {
    await using database = await openDatabase(server);
    await using store = await openEventStore(`${database.url}?schema=shop&tags=true&timeoutMs=3000`, {
      from: import.meta.url,
    });

    await store.append({ streamId: "a-1", expected: 0, events: [{ ...newEvent(), tags: ["x"] }] });

    expect(store.capabilities.conditions).toBe("query");
    expect(await database.query("SELECT tags FROM shop.events")).toStrictEqual([[["x"]]]);
  });

  it("works through a pool of the caller, and leaves it open", async () => {
    await using database = await openDatabase(server);
    const pool = new pg.Pool({ connectionString: database.url, max: 4 });
    const store = await openPostgresEventStore({ pool });

    await Promise.all(Array.from({ length: 30 }, (_, n) => store.append(writeOf(`a-${n}`, 0))));
    await store.transaction(async (tx) => {
      await store.append(writeOf("b-1", 0), { tx });
    });

    expect(await readLog(store)).toHaveLength(31);
    expect(store.capabilities.wakeUp).toBe("poll");
    await store[Symbol.asyncDispose]();
    expect((await pool.query("SELECT 1 AS one")).rows).toStrictEqual([{ one: 1 }]);
    await pool.end();
  });

  it("leaves no listener on a pool of the caller, however many stores use it", async () => {
    await using database = await openDatabase(server);
    const pool = new pg.Pool({ connectionString: database.url, max: 4 });
    const before = pool.eventNames().map((name) => [name, pool.listenerCount(name)]);

    const stores = await Promise.all(Array.from({ length: 12 }, () => openPostgresEventStore({ pool })));
    expect(pool.listenerCount("remove")).toBe(1);
    for (const store of stores) await store[Symbol.asyncDispose]();

    expect(pool.eventNames().map((name) => [name, pool.listenerCount(name)])).toStrictEqual(before);
    await pool.end();
  });

  it("closes in time while the server does not answer", async () => {
    await using database = await openDatabase(server);
    const store = await database.open({ timeoutMs: 500 });
    const blocker = await database.connect();
    await blocker.query("BEGIN; LOCK TABLE es.events IN ACCESS EXCLUSIVE MODE");
    const append = store.append(writeOf("a-1", 0));
    const read = readLog(store);
    const outcomes = Promise.allSettled([append, read]);

    await store[Symbol.asyncDispose]();

    for (const outcome of await outcomes) expect(outcome.status).toBe("rejected");
    await blocker.query("ROLLBACK");
  });
});
