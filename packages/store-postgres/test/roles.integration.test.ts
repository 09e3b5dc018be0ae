import { readLog, writeOf } from "test-helpers";
import { type PostgresServer, startPostgres } from "test-servers";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { openPostgresEventStore, type PostgresEventStore } from "../src/index.ts";
import { openDatabase, type TestDatabase } from "./database.ts";

let server: PostgresServer;

beforeAll(async () => {
  server = await startPostgres();
  await using database = await openDatabase(server);
  await database.query("CREATE ROLE es_migrator LOGIN; CREATE ROLE es_appender LOGIN; CREATE ROLE es_reader LOGIN");
}, 120_000);

afterAll(async () => {
  await server[Symbol.asyncDispose]();
});

/** The grants of the documentation. */
const GRANTS = `
GRANT USAGE ON SCHEMA es TO es_appender, es_reader;
GRANT SELECT ON es.meta, es.events, es.registers, es.events_position_seq TO es_appender, es_reader;
GRANT INSERT ON es.events TO es_appender;
GRANT INSERT, UPDATE ON es.registers TO es_appender;`;

async function openAs(database: TestDatabase, role: string): Promise<PostgresEventStore> {
  const url = new URL(database.url);
  url.username = role;
  return openPostgresEventStore({ url: url.href });
}

describe("roles", () => {
  it("each can do its work, and no more", async () => {
    await using database = await openDatabase(server);
    const name = new URL(database.url).pathname.slice(1);
    await database.query(`GRANT CREATE ON DATABASE "${name}" TO es_migrator`);
    await using migrator = await openAs(database, "es_migrator");
    await database.query(GRANTS);
    await using appender = await openAs(database, "es_appender");
    await using reader = await openAs(database, "es_reader");

    await appender.append(writeOf("a-1", 0, 2));
    await appender.transaction(async (tx) => {
      await appender.append(writeOf("a-1", 2), { tx });
      await appender.registers.set("k", "v", { tx });
    });

    expect(await readLog(reader)).toHaveLength(3);
    expect((await reader.registers.get("k"))?.value).toBe("v");
    await expect(reader.append(writeOf("a-1", 3))).rejects.toMatchObject({ code: "ES_CONFIGURATION" });
    await expect(reader.registers.set("k", "w")).rejects.toMatchObject({ code: "ES_CONFIGURATION" });
    expect(await migrator.identity()).toBe(await reader.identity());
    await expect(database.query("SET ROLE es_appender; DELETE FROM es.events")).rejects.toThrow("permission denied");
  });

  it("a role that may not create the event log is told what to do", async () => {
    await using database = await openDatabase(server);

    await expect(openAs(database, "es_appender")).rejects.toMatchObject({
      code: "ES_CONFIGURATION",
      message: expect.stringContaining("migrate: false"),
    });
  });

  it("a role that may not read the event log is told so", async () => {
    await using database = await openDatabase(server);
    await database.open();

    await expect(openAs(database, "es_reader")).rejects.toMatchObject({
      code: "ES_CONFIGURATION",
      message: expect.stringContaining("lacks a right"),
    });
  });
});
