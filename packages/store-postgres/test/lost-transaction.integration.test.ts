import { setTimeout as sleep } from "node:timers/promises";
import { isEventSourcingError } from "@es/core";
import { readLog, writeOf } from "test-helpers";
import { type PostgresServer, startPostgres, startTcpProxy } from "test-servers";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { openPostgresEventStore } from "../src/index.ts";
import { openDatabase, type TestDatabase } from "./database.ts";
import { newEvent } from "./new-event.ts";

let server: PostgresServer;

beforeAll(async () => {
  server = await startPostgres({ isPrivate: true });
}, 120_000);

afterAll(async () => {
  await server[Symbol.asyncDispose]();
});

/** Makes the COMMIT of an event of type `Slow` take long enough to be interrupted. */
async function slowDown(database: TestDatabase): Promise<void> {
  await database.query(
    "CREATE FUNCTION slow() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_sleep(3); RETURN NULL; END $$",
  );
  await database.query(
    "CREATE CONSTRAINT TRIGGER slow AFTER INSERT ON es.events DEFERRABLE INITIALLY DEFERRED FOR EACH ROW WHEN (NEW.type = 'Slow') EXECUTE FUNCTION slow()",
  );
}

async function untilCommitting(database: TestDatabase): Promise<void> {
  const waiting = "SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND wait_event = 'PgSleep'";
  while ((await database.query(waiting)).length === 0) await sleep(10);
}

/** What a caller was told. */
function told(verdict: PromiseSettledResult<unknown>): string {
  if (verdict.status === "fulfilled") return "stored";
  return isEventSourcingError(verdict.reason) ? verdict.reason.code : String(verdict.reason);
}

describe("a transaction that was lost with its server", () => {
  it.each(["an append", "transaction()"])(
    "is not taken for another one with its number (%s)",
    async (what) => {
      await using database = await openDatabase(server);
      await using proxy = await startTcpProxy({ host: server.host, port: server.port });
      await using store = await openPostgresEventStore({
        url: proxy.urlFor(database.url),
        tags: true,
        timeoutMs: 15_000,
      });
      await store.append(writeOf("w-1", 0));
      await slowDown(database);
      const event = { ...newEvent(), type: "Slow" };
      const write = { streamId: "a-1", expected: 0, events: [event] };
      const lost = Promise.allSettled([
        what === "an append" ? store.append(write) : store.transaction((tx) => store.append(write, { tx })),
      ]);
      await untilCommitting(database);

      proxy.pause();
      await server.kill();
      await server.start();
      await database.query("DROP TRIGGER slow ON es.events");
      for (let n = 0; n < 40; n += 1) await database.query(`CREATE TABLE bystander_${n} (a int)`);
      proxy.resume();
      proxy.cutAll();

      const [verdict] = await lost;
      const stored = (await readLog(store)).filter(({ id }) => id === event.id);
      expect([
        ["stored", 1],
        ["ES_UNKNOWN_OUTCOME", 0],
      ]).toContainEqual([told(verdict), stored.length]);
    },
    60_000,
  );

  it("in the middle of its COMMIT, cut by closing the store, is settled before the store has closed", async () => {
    await using database = await openDatabase(server);
    const store = await openPostgresEventStore({ url: database.url, timeoutMs: 500 });
    await slowDown(database);
    const write = { streamId: "a-1", expected: 0, events: [{ ...newEvent(), type: "Slow" }] };
    const lost = Promise.allSettled([store.transaction((tx) => store.append(write, { tx }))]);
    await untilCommitting(database);

    const startedAt = performance.now();
    await store[Symbol.asyncDispose]();
    const tookMs = performance.now() - startedAt;

    const [verdict] = await lost;
    expect(told(verdict)).toBe("ES_STORE_UNAVAILABLE");
    expect(tookMs).toBeLessThan(2_500);
    // Longer than the COMMIT would have taken.
    await sleep(3_000);
    expect(await database.query("SELECT 1 FROM es.events")).toStrictEqual([]);
  }, 60_000);

  it("is waited for when the role cannot see its own server process", async () => {
    await using database = await openDatabase(server);
    await database.query("CREATE ROLE app_owner NOLOGIN");
    await database.query("CREATE ROLE app_login LOGIN IN ROLE app_owner");
    await database.query("ALTER ROLE app_login SET role = 'app_owner'");
    const [[name] = []] = await database.query("SELECT current_database()");
    await database.query(`GRANT CREATE ON DATABASE "${String(name)}" TO app_owner`);
    await using proxy = await startTcpProxy({ host: server.host, port: server.port });
    const url = new URL(proxy.urlFor(database.url));
    url.username = "app_login";
    await using store = await openPostgresEventStore({ url: url.href, timeoutMs: 10_000 });
    await store.append(writeOf("a-1", 0));
    const holder = await database.connect();
    await holder.query("BEGIN; LOCK TABLE es.events IN SHARE ROW EXCLUSIVE MODE");

    const lost = Promise.allSettled([store.append(writeOf("a-1", "any"))]);
    await sleep(700);
    proxy.cutAll();
    await sleep(300);
    await holder.query("COMMIT");

    const [verdict] = await lost;
    const stored = await readLog(store);
    expect([
      ["stored", 2],
      ["ES_UNKNOWN_OUTCOME", 1],
      ["ES_UNKNOWN_OUTCOME", 2],
    ]).toContainEqual([told(verdict), stored.length]);
  }, 60_000);
});
