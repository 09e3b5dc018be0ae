import { readFile } from "node:fs/promises";
import { readLog, writeOf } from "test-helpers";
import { type PostgresServer, startPostgres } from "test-servers";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { openDatabase } from "./database.ts";
import { GOLDEN_WRITES } from "./golden/golden-events.ts";

let server: PostgresServer;

beforeAll(async () => {
  server = await startPostgres();
}, 120_000);

afterAll(async () => {
  await server[Symbol.asyncDispose]();
});

describe("an event log of an earlier release", () => {
  it("is read, and goes on (format 1)", async () => {
    await using database = await openDatabase(server);
    await database.query(await readFile(new URL("golden/format-1.sql", import.meta.url), "utf8"));

    const store = await database.open();

    const log = await readLog(store);
    expect(
      log.map(({ id, streamId, type, data, metadata, tags }) => ({ id, streamId, type, data, metadata, tags })),
    ).toStrictEqual(
      GOLDEN_WRITES.flatMap(({ streamId, events }) =>
        events.map(({ id, type, data, metadata = {}, tags = [] }) => ({ id, streamId, type, data, metadata, tags })),
      ),
    );
    expect(log.map(({ position }) => position)).toStrictEqual([
      "0000000000000001",
      "0000000000000002",
      "0000000000000006",
    ]);
    expect(await store.registers.get("kept")).toStrictEqual({ value: "second", revision: 2 });
    expect(await store.registers.get("deleted")).toBeUndefined();
    expect(await store.registers.set("deleted", "again")).toBe(2);
    expect(store.capabilities.conditions).toBe("query");
    const { position, versions } = await store.append(writeOf("user-42", 2));
    expect({ position, versions }).toStrictEqual({ position: "0000000000000007", versions: [3] });
  });
});
