import { setTimeout as sleep } from "node:timers/promises";
import { idsOf, readLog, writeOf } from "test-helpers";
import { type PostgresServer, startPostgres, startTcpProxy } from "test-servers";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { openPostgresEventStore } from "../src/index.ts";
import { openDatabase } from "./database.ts";
import { MODES } from "./modes.ts";

let server: PostgresServer;

beforeAll(async () => {
  server = await startPostgres();
}, 120_000);

afterAll(async () => {
  await server[Symbol.asyncDispose]();
});

describe.each(MODES)("after somebody else has emptied the log ($name)", ({ options }) => {
  it("no append is refused for what was stored before", async () => {
    await using database = await openDatabase(server);
    const store = await database.open(options);
    await store.append(writeOf("a-1", 0));
    await store.append(writeOf("b-1", 0, 3));

    await database.query("TRUNCATE es.events");

    expect((await store.append(writeOf("a-1", 0))).versions).toStrictEqual([1]);
    expect((await store.append(writeOf("b-1", "no-stream"))).versions).toStrictEqual([1]);
    await expect(store.append(writeOf("b-1", 3))).rejects.toMatchObject({ code: "ES_CONCURRENCY", actual: 1 });
  });

  it.each([0, 2, 5])("an append whose answer is lost is stored once (%i events before it)", async (count) => {
    await using database = await openDatabase(server);
    await using proxy = await startTcpProxy(server);
    await using store = await openPostgresEventStore({ url: proxy.urlFor(database.url), ...options, listen: false });
    for (let n = 0; n < 5; n += 1) await store.append(writeOf("a-1", "any"));
    // The notification of the last append has been sent.
    await sleep(100);
    await database.query("TRUNCATE es.events");
    const hand =
      "INSERT INTO es.events (stream, version, id, type, data) SELECT 'a-1', n, gen_random_uuid(), 'Made', '{}' FROM generate_series(1, $1::int) n";
    await database.query(hand, [count]);
    // Two streams, so that the first statement is the one that stores them.
    const writes = [writeOf("a-1", "any", 2), writeOf("b-1", "any")];

    const append = store.append(writes);
    await proxy.cutAfterBytes(1, "to-client");

    expect((await append).versions).toStrictEqual([count + 2, 1]);
    expect((await readLog(store)).map(({ id }) => id).slice(count)).toStrictEqual(writes.flatMap(idsOf));
  });
});

it("an append whose answer is lost is not stored twice when somebody has emptied the log and begun it anew", async () => {
  await using database = await openDatabase(server);
  await using proxy = await startTcpProxy(server);
  await using store = await openPostgresEventStore({ url: proxy.urlFor(database.url), listen: false });
  for (let n = 0; n < 5; n += 1) await store.append(writeOf("a-1", "any"));
  // The notification of the last append has been sent.
  await sleep(100);
  await database.query("TRUNCATE es.events");
  await database.query(
    "INSERT INTO es.events (stream, version, id, type, data) SELECT 'a-1', n, gen_random_uuid(), 'Made', '{}' FROM generate_series(1, 4) n",
  );
  // Two streams, so that the first statement is the one that stores them.
  const writes = [writeOf("a-1", "any", 2), writeOf("b-1", "any")];

  const append = store.append(writes);
  await proxy.cutAfterBytes(1, "to-client");

  await expect(append).rejects.toMatchObject({ code: "ES_UNKNOWN_OUTCOME" });
  expect((await readLog(store)).map(({ id }) => id).slice(4)).toStrictEqual(writes.flatMap(idsOf));
});
