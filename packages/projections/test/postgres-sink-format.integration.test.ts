import type pg from "pg";
import { createDatabase, type PostgresServer, startPgBouncer, startPostgres } from "test-servers";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createPostgresSink, createProjectionRunner } from "../src/index.ts";
import { deposit } from "./accounts.ts";
import { expectGoesOn, expectSameRows, goldenStore, goldenTable, type SinkRow } from "./golden/golden-sink.ts";
import { openPool, openPostgresPlace, postgresBalances } from "./postgres-place.ts";

let server: PostgresServer;

beforeAll(async () => {
  server = await startPostgres();
}, 120_000);

afterAll(async () => {
  await server[Symbol.asyncDispose]();
});

/** An empty database. */
async function openEmpty(): Promise<{ readonly pool: pg.Pool } & AsyncDisposable> {
  const database = await createDatabase(server);
  const pool = openPool(database.url);
  return {
    pool,
    async [Symbol.asyncDispose]() {
      await pool.end();
      await database.drop();
    },
  };
}

/** What the server knows of the table. */
async function describeTable(pool: pg.Pool): Promise<readonly unknown[]> {
  const { rows } = await pool.query<{ readonly facts: string }>(`
    SELECT concat_ws(' ', attname, format_type(atttypid, atttypmod), attnotnull, collname, pg_get_expr(adbin, adrelid)) AS facts
    FROM pg_attribute LEFT JOIN pg_collation c ON c.oid = attcollation LEFT JOIN pg_attrdef ON adrelid = attrelid AND adnum = attnum
    WHERE attrelid = 'public.es_projection_registers'::regclass AND attnum > 0
    UNION ALL
    SELECT pg_get_indexdef(indexrelid) FROM pg_index WHERE indrelid = 'public.es_projection_registers'::regclass
    ORDER BY facts`);
  return rows.map(({ facts }) => facts);
}

describe("the table of a PostgreSQL sink", () => {
  it("of the first release is read, and gone on from", async () => {
    await using empty = await openEmpty();
    const store = await goldenStore();
    await empty.pool.query(await goldenTable("postgres-sink.sql", store));

    await expectGoesOn(store, createPostgresSink(empty.pool));
  });

  it("has not changed", async () => {
    await using empty = await openEmpty();
    await using golden = await openEmpty();
    await golden.pool.query(await goldenTable("postgres-sink.sql", await goldenStore()));

    await expectSameRows(createPostgresSink(empty.pool), async () => {
      const select = `SELECT key, convert_from(value, 'UTF8') AS value, revision::int FROM es_projection_registers ORDER BY key`;
      return (await empty.pool.query<SinkRow & Record<string, unknown>>(select)).rows;
    });
    expect(await describeTable(empty.pool)).toStrictEqual(await describeTable(golden.pool));
  });
});

describe.each(["oldest", "newest"] as const)("behind the %s PgBouncer in transaction mode", (version) => {
  it("a read model has each event once, whoever else uses the connections", { timeout: 180_000 }, async () => {
    // Fewer connections to the server than clients, so that a transaction finds what another client's left there.
    const settings = { default_pool_size: "2" };
    await using bouncer = await startPgBouncer({ upstreamUrl: server.url, poolMode: "transaction", version, settings });
    await using place = await openPostgresPlace(server);
    const url = new URL(place.url);
    url.port = String(bouncer.port);
    url.hostname = bouncer.host;
    const pool = openPool(url.href, 8);
    const sink = createPostgresSink(pool, { schema: "views" });
    let failures = 3;
    const fail = async (amount: number, tx: { query(text: string): Promise<unknown> }): Promise<void> => {
      if (amount % 7 !== 0 || failures === 0) return;
      failures -= 1;
      await tx.query("SELECT 1 / 0");
    };
    const projection = postgresBalances(fail);
    await deposit(place.store, "a-1", ...Array.from({ length: 30 }, (_, n) => n + 1));
    let isOver = false;
    const others = Array.from({ length: 6 }, async (_, n) => {
      while (!isOver) await sink.registers.set(`other-${n}`, "x");
    });

    const first = createProjectionRunner(projection, { ...place, sink, pageSize: 4, retry: { firstDelayMs: 1 } });
    await first.start();
    await first.waitFor(await place.store.head());
    await first.stop();
    await using second = createProjectionRunner(projection, { ...place, sink, pageSize: 4 });
    await second.start();
    await second.waitFor(await deposit(place.store, "b-1", 1, 2));
    isOver = true;
    await Promise.all(others);

    expect(failures).toBe(0);
    expect(await place.read()).toStrictEqual({ "a-1": "465 of 30", "b-1": "3 of 2" });
    const { rows } = await pool.query("SHOW idle_in_transaction_session_timeout");
    expect(rows).toStrictEqual([{ idle_in_transaction_session_timeout: "0" }]);
    await second.stop();
    await pool.end();
  });
});
