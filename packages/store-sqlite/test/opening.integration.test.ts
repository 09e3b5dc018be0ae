import { chmodSync, mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import Database from "better-sqlite3";
import { Child, readLog, writeOf } from "test-helpers";
import { describe, expect, it } from "vitest";
import { openSqliteEventStore } from "../src/index.ts";
import { temporaryFile } from "./temporary-file.ts";

describe("a path that cannot be opened is refused with what to do", () => {
  const refused = async (options: Parameters<typeof openSqliteEventStore>[0], message: string): Promise<void> => {
    await expect(openSqliteEventStore(options)).rejects.toMatchObject({
      code: "ES_CONFIGURATION",
      message: expect.stringContaining(message),
    });
  };

  it("a missing directory, a directory, a missing file to read, odd paths", async () => {
    await using file = await temporaryFile();

    await refused({ path: join(dirname(file.path), "no", "such.db") }, "create it first");
    await refused({ path: dirname(file.path) }, "name a file in it");
    await refused({ path: file.path, readOnly: true }, "open it once without readOnly");
    await refused({ path: "" }, "option path");
    await refused({ path: " events.db" }, "option path");
    await refused({ path: ":memory:", readOnly: true }, "readOnly");
  });

  it("a file below a file", async () => {
    await using file = await temporaryFile();
    writeFileSync(file.path, "");

    await refused({ path: join(file.path, "below.db") }, "check the path");
  });

  it("a database that is closed or in a transaction", async () => {
    const database = new Database(":memory:");
    database.exec("BEGIN");
    await refused({ database }, "end it before");
    database.close();
    await refused({ database }, "open it first");
  });

  it("options that make no sense", async () => {
    await refused({ path: ":memory:", timeoutMs: -1 }, "timeoutMs");
    await refused({ path: ":memory:", pollIntervalMs: 0 }, "pollIntervalMs");
    await refused({ path: ":memory:", maxPendingWrites: 0.5 }, "maxPendingWrites");
  });
});

// Windows has no rights of this kind to take away.
describe.skipIf(process.platform === "win32")("rights of the process", () => {
  const openAsNobody = async (path: string): Promise<readonly unknown[]> =>
    new Child(new URL("./child/open-as-nobody.ts", import.meta.url), { path }).done;

  it("a file that may not be read is refused", async () => {
    await using file = await temporaryFile();
    await (await openSqliteEventStore({ path: file.path }))[Symbol.asyncDispose]();
    chmodSync(dirname(file.path), 0o755);
    chmodSync(file.path, 0o000);

    expect(await openAsNobody(file.path)).toMatchObject([
      { code: "ES_CONFIGURATION", message: expect.stringContaining("may not read") },
    ]);
  });

  it("a file that may not be written is read, and appends are refused", async () => {
    await using file = await temporaryFile();
    const store = await openSqliteEventStore({ path: file.path });
    await store.append(writeOf("a-1", 0, 3));
    await store[Symbol.asyncDispose]();
    chmodSync(dirname(file.path), 0o777);
    chmodSync(file.path, 0o444);

    expect(await openAsNobody(file.path)).toMatchObject([{ events: 3 }, { code: "ES_UNSUPPORTED" }]);
  });

  it("a directory that may not be written is refused for a new file, and explained for an old one", async () => {
    await using file = await temporaryFile();
    const closed = join(dirname(file.path), "closed");
    mkdirSync(closed);
    await (await openSqliteEventStore({ path: join(closed, "old.db") }))[Symbol.asyncDispose]();
    chmodSync(dirname(file.path), 0o755);
    chmodSync(join(closed, "old.db"), 0o444);
    chmodSync(closed, 0o555);

    expect(await openAsNobody(join(closed, "new.db"))).toMatchObject([
      { code: "ES_CONFIGURATION", message: expect.stringContaining("may not write to the directory") },
    ]);
    const [old] = await openAsNobody(join(closed, "old.db"));
    expect(old).toMatchObject({
      code: expect.stringMatching(/^ES_(CONFIGURATION|UNSUPPORTED)$/),
      message: expect.stringContaining("directory"),
    });
  });
});

describe("a read-only store", () => {
  it("reads, follows a writer, and refuses every write", async () => {
    await using file = await temporaryFile();
    await using writer = await openSqliteEventStore({ path: file.path });
    await using store = await openSqliteEventStore({ path: file.path, readOnly: true });
    const live = (async () => {
      for await (const { events } of store.readAll({ live: true })) if (events.length > 0) return events.length;
      return 0;
    })();

    await writer.append(writeOf("a-1", 0, 2));

    expect(await live).toBe(2);
    expect(await readLog(store)).toHaveLength(2);
    const refusal = { code: "ES_UNSUPPORTED" };
    await expect(store.append(writeOf("a-1"))).rejects.toMatchObject(refusal);
    await expect(store.registers.set("k", "v")).rejects.toMatchObject(refusal);
    await expect(store.registers.delete("k")).rejects.toMatchObject(refusal);
    await expect(store.transaction(async () => undefined)).rejects.toMatchObject(refusal);
    expect(store.capabilities).toMatchObject({
      durability: "buffered",
      gaps: { durability: expect.stringContaining("read-only") },
    });
  });

  it("is what a Database that was opened readonly gives, and needs an event log to be there", async () => {
    await using file = await temporaryFile();
    await (await openSqliteEventStore({ path: file.path }))[Symbol.asyncDispose]();
    const database = new Database(file.path, { readonly: true });
    await using store = await openSqliteEventStore({ database });
    await expect(store.append(writeOf("a-1"))).rejects.toMatchObject({ code: "ES_UNSUPPORTED" });
    await store[Symbol.asyncDispose]();
    database.close();

    const empty = join(dirname(file.path), "empty.db");
    writeFileSync(empty, "");
    await expect(openSqliteEventStore({ path: empty, readOnly: true })).rejects.toMatchObject({
      code: "ES_STORE_FORMAT",
    });
  });
});

describe("durability", () => {
  it.each([
    [{ synchronous: "FULL" }, "fsync"],
    [{ synchronous: "NORMAL" }, "buffered"],
    [{}, "fsync"],
  ] as const)("of a file opened with %j is %s", async (options, durability) => {
    await using file = await temporaryFile();
    await using store = await openSqliteEventStore({ path: file.path, ...options });

    expect(store.capabilities.durability).toBe(durability);
  });

  it.each([
    ["OFF", "buffered"],
    ["NORMAL", "buffered"],
    ["FULL", "fsync"],
    ["EXTRA", "fsync"],
  ])("of the caller's Database is asked, not assumed: synchronous %s is %s", async (synchronous, durability) => {
    await using file = await temporaryFile();
    const database = new Database(file.path);
    database.pragma(`synchronous = ${synchronous}`);
    await using store = await openSqliteEventStore({ database });

    expect(store.capabilities.durability).toBe(durability);
    expect(database.pragma("journal_mode", { simple: true })).toBe("wal");
    await store[Symbol.asyncDispose]();
    database.close();
  });

  it("of a database in memory is none", async () => {
    await using store = await openSqliteEventStore({ path: ":memory:" });

    expect(store.capabilities).toMatchObject({ durability: "none", shared: false, wakeUp: "push" });
  });
});
