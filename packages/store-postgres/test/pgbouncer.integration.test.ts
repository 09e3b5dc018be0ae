import pg from "pg";
import { readLog, writeOf } from "test-helpers";
import { type PgBouncer, type PostgresServer, startPgBouncer, startPostgres } from "test-servers";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { openPostgresEventStore } from "../src/index.ts";
import { openDatabase, type TestDatabase } from "./database.ts";
import { newEvent } from "./new-event.ts";
import { expectReconciled, writeUntil } from "./reconcile.ts";

let server: PostgresServer;
let bouncer: PgBouncer;

beforeAll(async () => {
  server = await startPostgres();
}, 120_000);

afterAll(async () => {
  await server[Symbol.asyncDispose]();
});

function through(database: TestDatabase, pooler = bouncer): string {
  const url = new URL(database.url);
  url.port = String(pooler.port);
  url.hostname = pooler.host;
  return url.href;
}

async function connectTo(url: string): Promise<pg.Client> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  return client;
}

describe.each(["oldest", "newest"] as const)("behind the %s PgBouncer in transaction mode", (version) => {
  beforeAll(async () => {
    bouncer = await startPgBouncer({ upstreamUrl: server.url, poolMode: "transaction", version });
  }, 180_000);

  afterAll(async () => {
    await bouncer[Symbol.asyncDispose]();
  });

  it("appends, reads, transactions and registers work with prepared: false", async () => {
    await using database = await openDatabase(server);
    await using store = await openPostgresEventStore({
      url: through(database),
      prepared: false,
      listen: false,
      tags: true,
    });

    await Promise.all(Array.from({ length: 100 }, (_, n) => store.append(writeOf(`a-${n % 10}`, "any"))));
    await store.transaction(async (tx) => {
      await store.append(writeOf("b-1", 0), { tx });
      await store.registers.set("k", "v", { tx });
    });
    const after = await store.head();
    const event = { ...newEvent(), tags: ["x"] };
    await store.append({ streamId: "c-1", expected: 0, events: [event] }, { if: { none: { tags: ["x"] }, after } });

    expect(await readLog(store)).toHaveLength(102);
    expect((await store.registers.get("k"))?.value).toBe("v");
    expect(store.capabilities.wakeUp).toBe("poll");
  });

  it("takes part in transactions of callers whose clients go through the pooler", async () => {
    await using database = await openDatabase(server);
    const store = await database.open();
    const [client, other] = [await connectTo(through(database)), await connectTo(through(database))];

    await client.query("BEGIN");
    await store.append(writeOf("a-1", 0), { tx: client });
    await client.query("COMMIT");
    // The only connection to the server goes to somebody else, and the client gets a new one.
    await other.query("BEGIN");
    await client.query("BEGIN");
    await store.append(writeOf("a-1", 1), { tx: client });
    await store.append(writeOf("b-1", 0), { tx: other });
    await client.query("COMMIT");
    await other.query("COMMIT");

    await client.end();
    await other.end();
    expect(await readLog(store)).toHaveLength(3);
  });

  it.each([
    { name: "that refuses settings", settings: {} },
    { name: "that ignores settings", settings: { ignore_startup_parameters: "statement_timeout,lock_timeout" } },
    { name: "in session mode", settings: { pool_mode: "session", ignore_startup_parameters: "statement_timeout" } },
  ])("a store that is not told of a pooler $name says what to do", async ({ settings }) => {
    await using database = await openDatabase(server);
    await using other = await startPgBouncer({ upstreamUrl: server.url, poolMode: "transaction", version, settings });

    await expect(openPostgresEventStore({ url: through(database, other) })).rejects.toMatchObject({
      code: "ES_CONFIGURATION",
      message: expect.stringContaining("prepared: false"),
    });
  });

  it("a store over a pool of the caller that is not told of the pooler says what to do", async () => {
    await using database = await openDatabase(server);
    const pool = new pg.Pool({ connectionString: through(database), max: 4 });

    await expect(openPostgresEventStore({ pool })).rejects.toMatchObject({
      code: "ES_CONFIGURATION",
      message: expect.stringContaining("prepared: false"),
    });
    await using store = await openPostgresEventStore({ pool, prepared: false });
    expect((await store.append(writeOf("a-1", 0))).versions).toStrictEqual([1]);
    await store[Symbol.asyncDispose]();
    await pool.end();
  });

  it("live reads hear of other processes over a listening connection that goes around the pooler, and without one", async () => {
    await using database = await openDatabase(server);
    const common = { url: through(database), prepared: false };
    await using listening = await openPostgresEventStore({ ...common, listenUrl: database.url });
    await using polling = await openPostgresEventStore({ ...common, listen: false });
    // It listens on a connection that the pooler gives to others: what it hears is nothing, and it must not matter.
    await using deaf = await openPostgresEventStore(common);
    const readers = [listening, polling, deaf].map(async (store) => {
      for await (const page of store.readAll({ live: true })) {
        if (page.events.length > 0) return page.events[0]?.streamId;
      }
      return undefined;
    });

    await using writer = await openPostgresEventStore({ ...common, listen: false });
    await writer.append(writeOf("a-1", 0));

    expect(await Promise.all(readers)).toStrictEqual(["a-1", "a-1", "a-1"]);
  });

  it("appends survive a pooler that goes away and comes back", async () => {
    await using database = await openDatabase(server);
    await using store = await openPostgresEventStore({ url: through(database), prepared: false, listen: false });
    let isOver = false;
    let stored = 0;
    const onStored = (): void => {
      stored += 1;
    };
    const writing = writeUntil(store, () => isOver, { callers: 8, onStored });

    for (let n = 1; n <= 4; n += 1) {
      await expect.poll(() => stored, { timeout: 20_000, interval: 5 }).toBeGreaterThan(n * 100);
      await bouncer.stop();
      await bouncer.start();
    }
    isOver = true;

    const told = await writing;
    expect(told.filter(({ outcome }) => outcome === "unknown")).toStrictEqual([]);
    expectReconciled(await readLog(store), told);
  });
});
