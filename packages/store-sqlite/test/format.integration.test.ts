import { copyFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import Database from "better-sqlite3";
import { readLog, writeOf } from "test-helpers";
import { expect, it } from "vitest";
import { openSqliteEventStore } from "../src/index.ts";
import { inspectFile } from "../src/inspect-file.ts";
import { migrate } from "../src/migrate.ts";
import { FORMAT, MIGRATIONS } from "../src/schema.ts";
import { WriteConnection } from "../src/write-connection.ts";
import { GOLDEN_EVENTS, GOLDEN_TIME } from "./golden/golden-events.ts";
import { temporaryFile } from "./temporary-file.ts";

const golden = fileURLToPath(new URL("golden/format-1.db", import.meta.url));

it("reads a file that the first release wrote, completely, and appends to it", async () => {
  await using file = await temporaryFile();
  copyFileSync(golden, file.path);
  await using store = await openSqliteEventStore({ path: file.path });

  const versions = new Map<string, number>();
  const expected = GOLDEN_EVENTS.map((event, index) => {
    const version = (versions.get(event.streamId) ?? 0) + 1;
    versions.set(event.streamId, version);
    return {
      metadata: {},
      tags: [],
      ...event,
      version,
      position: String(index + 1).padStart(16, "0"),
      recordedAt: GOLDEN_TIME,
    };
  });
  expect(await readLog(store)).toStrictEqual(expected);
  expect(await store.identity()).toBe("ac59e47b-4716-4dbc-b3a7-da0fb4cbcc8b");
  expect(await store.registers.get("kept")).toStrictEqual({ value: '{"n":2}', revision: 2 });
  expect(await store.registers.get("deleted")).toBeUndefined();
  expect(await store.registers.set("deleted", "back", { expected: 0 })).toBe(2);
  for await (const page of store.readAll({ filter: { tags: ["student:1"] } }))
    expect(page.events).toMatchObject([{ id: expected[2]?.id }]);
  const [first] = GOLDEN_EVENTS;
  expect(
    await store.append({
      streamId: "course-1",
      expected: 0,
      events: [first ?? writeOf("").events[0] ?? { type: "", data: 0 }],
    }),
  ).toMatchObject({
    duplicate: true,
    position: "0000000000000001",
  });
  expect((await store.append(writeOf("course-1", 2))).position).toBe("0000000000000005");
});

it("refuses a file of a newer format, naming both formats", async () => {
  await using file = await temporaryFile();
  copyFileSync(golden, file.path);
  const database = new Database(file.path);
  database.exec("UPDATE es_meta SET value = '999' WHERE key = 'format'; ALTER TABLE es_events DROP COLUMN tags");
  database.close();

  for (const readOnly of [false, true]) {
    await expect(openSqliteEventStore({ path: file.path, readOnly })).rejects.toMatchObject({
      code: "ES_STORE_FORMAT",
      message: expect.stringMatching(/format 999.*up to 1; upgrade/),
    });
  }
});

it("runs the migrations that a file still needs, once, and none of them when one fails", () => {
  const database = new Database(":memory:");
  const connection = new WriteConnection(database, { isForeign: true });
  const addTable = (name: string) => (target: { exec(sql: string): unknown }) =>
    target.exec(`CREATE TABLE ${name} (a)`);
  const run = (...more: ReturnType<typeof addTable>[]): void =>
    migrate(connection, { migrations: [...MIGRATIONS, ...more], allowForeignTables: false });

  run();
  expect(inspectFile(database)).toStrictEqual({ kind: "log", format: FORMAT });
  expect(() => run(addTable("es_two"), addTable("es_two"))).toThrow("already exists");
  expect(inspectFile(database)).toStrictEqual({ kind: "log", format: FORMAT });
  run(addTable("es_two"), addTable("es_three"));

  expect(() => inspectFile(database)).toThrow(`format ${FORMAT + 2}`);
  database.close();
});

it("puts its tables beside those of others only when told to", async () => {
  await using file = await temporaryFile();
  const database = new Database(file.path);
  database.exec("CREATE TABLE customers (name TEXT); CREATE VIEW names AS SELECT name FROM customers");

  for (const options of [{ path: file.path }, { database }]) {
    await expect(openSqliteEventStore(options)).rejects.toMatchObject({
      code: "ES_STORE_FORMAT",
      message: expect.stringMatching(/customers, names.*createTables: "alongside"/s),
    });
  }
  expect(database.prepare("SELECT count(*) FROM sqlite_schema").pluck().get()).toBe(2);
  expect(database.pragma("journal_mode", { simple: true })).toBe("delete");
  await using store = await openSqliteEventStore({ path: file.path, createTables: "alongside" });
  await using again = await openSqliteEventStore({ path: file.path });

  await store.append(writeOf("a-1"));
  expect(await readLog(again)).toHaveLength(1);
  database.close();
});

it.each([
  ["tables of another kind", "CREATE TABLE es_events (id TEXT, payload TEXT)", /does not say which format/],
  ["a meta table of another kind", "CREATE TABLE es_meta (a INTEGER)", /not that of an event log/],
  [
    "wrong columns",
    "ALTER TABLE es_events RENAME COLUMN data TO body",
    /es_events has the columns .* but lacks data TEXT/,
  ],
  ["a missing table", "DROP TABLE es_tags", /es_tags is missing/],
  ["a format that is no number", "UPDATE es_meta SET value = 'one' WHERE key = 'format'", /does not say which format/],
])("refuses a file with %s", async (_what, sql, message) => {
  await using file = await temporaryFile();
  if (sql.startsWith("CREATE")) new Database(file.path).exec(sql).close();
  else {
    await (await openSqliteEventStore({ path: file.path }))[Symbol.asyncDispose]();
    new Database(file.path).exec(sql).close();
  }

  await expect(openSqliteEventStore({ path: file.path })).rejects.toMatchObject({
    code: "ES_STORE_FORMAT",
    message: expect.stringMatching(message),
  });
});
