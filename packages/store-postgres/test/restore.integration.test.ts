import { readLog, writeOf } from "test-helpers";
import { type PostgresServer, startPostgres } from "test-servers";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { postgresSchemaSql } from "../src/index.ts";
import { openDatabase } from "./database.ts";
import { dump, restore } from "./dump.ts";

let server: PostgresServer;

beforeAll(async () => {
  server = await startPostgres();
}, 120_000);

afterAll(async () => {
  await server[Symbol.asyncDispose]();
});

describe("dump and restore", () => {
  it("keeps the log, its positions, its identity and the registers, and goes on behind them", async () => {
    await using original = await openDatabase(server);
    await using copy = await openDatabase(server);
    const store = await original.open({ tags: true });
    await store.append(writeOf("a-1", 0, 5));
    await store
      .transaction(async (tx) => {
        await store.append(writeOf("a-1", 5, 3), { tx });
        throw new Error("leaves a gap");
      })
      .catch(() => undefined);
    await store.append(writeOf("b-1", 0, 2));
    await store.registers.set("k", "v");
    const head = await store.head();

    await restore(server, copy.url, await dump(server, original.url));

    const restored = await copy.open({ tags: true });
    expect(await readLog(restored)).toStrictEqual(await readLog(store));
    expect(await restored.identity()).toBe(await store.identity());
    expect(await restored.registers.get("k")).toStrictEqual(await store.registers.get("k"));
    expect(await restored.head()).toBe(head);
    const { position } = await restored.append(writeOf("a-1", 5));
    expect(position > head).toBe(true);
  });

  it("a reader that had gone further than the backup is told so, also while it waits", async () => {
    await using database = await openDatabase(server);
    const store = await database.open({ listen: false });
    await store.append(writeOf("a-1", 0, 5));
    const backup = await dump(server, database.url);
    await store.append(writeOf("a-1", 5, 5));
    const head = await store.head();
    const live = store.readAll({ after: head, live: true })[Symbol.asyncIterator]();
    expect((await live.next()).value).toMatchObject({ isCaughtUp: true });
    const refusal = live.next().catch((error: unknown) => error);

    await database.query("DROP SCHEMA es CASCADE");
    await restore(server, database.url, backup);

    expect(await refusal).toMatchObject({ code: expect.stringMatching(/^ES_(INVALID_POSITION|STORE_FORMAT)$/) });
    const reopened = await database.open();
    await expect(reopened.readAll({ after: head })[Symbol.asyncIterator]().next()).rejects.toMatchObject({
      code: "ES_INVALID_POSITION",
      position: head,
    });
  });

  it.each([
    { table: "one table", partitions: undefined },
    { table: "partitions", partitions: 4 },
  ])("rows that were copied without their sequence are refused until it is set behind them ($table)", async (given) => {
    await using database = await openDatabase(server);
    const { partitions } = given;
    await database.query(postgresSchemaSql(partitions === undefined ? {} : { partitions }));
    const store = await database.open();
    for (let n = 0; n < 5; n += 1) await store.append(writeOf(`a-${n}`, 0));
    await database.query("SELECT setval('es.events_position_seq', 3)");

    await expect(database.open()).rejects.toMatchObject({
      code: "ES_STORE_CORRUPT",
      message: expect.stringContaining('setval(\'"es"."events_position_seq"\', 5)'),
    });

    await database.query("SELECT setval('es.events_position_seq', 5)");
    const opened = await database.open();
    await opened.append(writeOf("b-1", 0));
    expect((await readLog(opened)).map(({ streamId }) => streamId)).toStrictEqual([
      "a-0",
      "a-1",
      "a-2",
      "a-3",
      "a-4",
      "b-1",
    ]);
  });
});
