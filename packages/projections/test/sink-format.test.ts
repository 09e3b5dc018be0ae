import Database from "better-sqlite3";
import { describe, expect, it } from "vitest";
import { createSqliteSink } from "../src/index.ts";
import { expectGoesOn, expectSameRows, goldenStore, goldenTable, type SinkRow } from "./golden/golden-sink.ts";

describe("the table of a SQLite sink", () => {
  it("of the first release is read, and gone on from", async () => {
    const store = await goldenStore();
    const database = new Database(":memory:");
    database.exec(await goldenTable("sqlite-sink.sql", store));

    await expectGoesOn(store, createSqliteSink(database));
    database.close();
  });

  it("has not changed", async () => {
    const database = new Database(":memory:");
    const golden = new Database(":memory:");
    golden.exec(await goldenTable("sqlite-sink.sql", await goldenStore()));

    await expectSameRows(createSqliteSink(database), async () =>
      database.prepare<[], SinkRow>("SELECT * FROM es_projection_registers ORDER BY key").all(),
    );
    expect(tablesOf(database)).toStrictEqual(tablesOf(golden));
    database.close();
    golden.close();
  });
});

function tablesOf(database: Database.Database): readonly string[] {
  const tables = database.prepare<[], string>("SELECT coalesce(sql, name) FROM sqlite_master ORDER BY name").pluck();
  return tables.all().map((sql) => sql.replaceAll(/\s+/g, " "));
}
