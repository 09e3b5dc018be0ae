import { execFileSync } from "node:child_process";
import { closeSync, openSync, readFileSync, statSync, writeSync } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import Database from "better-sqlite3";
import { Child, readLog, writeOf } from "test-helpers";
import { describe, expect, it } from "vitest";
import { openSqliteEventStore, type SqliteEventStore } from "../src/index.ts";
import { temporaryFile } from "./temporary-file.ts";

describe("a lock of somebody else", () => {
  it("is waited for without stopping the event loop", async () => {
    await using file = await temporaryFile();
    await using store = await openSqliteEventStore({ path: file.path });
    const other = new Database(file.path);
    other.exec("BEGIN IMMEDIATE");
    let turns = 0;
    const counting = setInterval(() => {
      turns += 1;
    }, 1);

    const waiting = Promise.all([
      store.append(writeOf("a-1")),
      store.registers.set("k", "v"),
      store.append(writeOf("a-1")),
    ]);
    await expect.poll(() => turns, { timeout: 500, interval: 5 }).toBeGreaterThan(20);
    expect(await readLog(store)).toStrictEqual([]);
    other.exec("COMMIT");
    await waiting;

    clearInterval(counting);
    expect(await readLog(store)).toHaveLength(2);
    other.close();
  });

  it("that lasts too long ends the write with StoreUnavailableError, and nothing is written", async () => {
    await using file = await temporaryFile();
    await using store = await openSqliteEventStore({ path: file.path, timeoutMs: 60 });
    const other = new Database(file.path);
    other.exec("BEGIN IMMEDIATE");

    const verdicts = await Promise.allSettled([
      store.append(writeOf("a-1")),
      store.append([writeOf("a-1"), writeOf("b-1")]),
      store.transaction(async () => undefined),
    ]);
    await expect(openSqliteEventStore({ path: file.path, timeoutMs: 30 })).rejects.toMatchObject({
      code: "ES_STORE_UNAVAILABLE",
    });
    other.exec("ROLLBACK");

    const refusal = {
      reason: { code: "ES_STORE_UNAVAILABLE", retryable: true, message: expect.stringContaining("locked") },
    };
    expect(verdicts).toMatchObject([refusal, refusal, refusal]);
    expect(await readLog(store)).toStrictEqual([]);
    expect((await store.append(writeOf("a-1", 0))).versions).toStrictEqual([1]);
    other.close();
  });

  it("that lasts does not keep an abort from ending the write", async () => {
    await using file = await temporaryFile();
    await using store = await openSqliteEventStore({ path: file.path });
    const other = new Database(file.path);
    other.exec("BEGIN IMMEDIATE");

    await expect(store.append(writeOf("a-1"), { signal: AbortSignal.timeout(20) })).rejects.toMatchObject({
      code: "ES_ABORTED",
    });
    other.close();
    expect(await readLog(store)).toStrictEqual([]);
  });
});

describe("a full disk", () => {
  it("refuses what does not fit, keeps what was stored, and goes on when there is room (page limit)", async () => {
    await using file = await temporaryFile();
    const database = new Database(file.path);
    await using store = await openSqliteEventStore({ database });
    database.pragma("max_page_count = 60");
    const big = (): Promise<unknown> =>
      store.append({
        streamId: "a-1",
        expected: "any",
        events: [
          { type: "Big", data: "x".repeat(10_000) },
          { type: "Big", data: 1 },
        ],
      });
    let stored = 0;
    const fill = async (): Promise<void> => {
      for (; stored < 1_000; stored += 1) await big();
    };

    await expect(fill()).rejects.toMatchObject({
      code: "ES_STORE_UNAVAILABLE",
      retryable: true,
      cause: { code: "SQLITE_FULL" },
    });
    expect(stored).toBeGreaterThan(2);
    expect(await readLog(store)).toHaveLength(stored * 2);
    const verdicts = await Promise.allSettled([big(), store.append(writeOf("small-1")), big()]);
    expect(verdicts.map(({ status }) => status)).toStrictEqual(["rejected", "fulfilled", "rejected"]);
    database.pragma("max_page_count = 100000");
    await big();

    expect(await readLog(store)).toHaveLength(stored * 2 + 3);
    await store[Symbol.asyncDispose]();
    database.close();
  });

  const FILL = new URL("./child/fill.ts", import.meta.url);
  const survives = async (child: Child, makeRoom: () => void): Promise<void> => {
    await child.said(() => true);
    makeRoom();
    child.process.stdin?.write("room\n");
    const [first, last] = await child.done;
    expect(first).toMatchObject({ refusal: { code: "ES_STORE_UNAVAILABLE" } });
    expect(last).toMatchObject({ acknowledged: expect.any(Array) });
    const { acknowledged, stored, versions } = JSON.parse(JSON.stringify(last));
    expect(stored).toStrictEqual(acknowledged);
    expect(versions).toBe(acknowledged.length * 2);
    expect(acknowledged.length).toBeGreaterThan(5);
  };

  it("is survived when writing fails at a file size limit of the system", async () => {
    await using file = await temporaryFile();
    const child = new Child(FILL, { path: file.path }, { shell: "ulimit -S -f 2000" });

    await survives(child, () => execFileSync("prlimit", ["--pid", String(child.process.pid), "--fsize=unlimited"]));
  });

  // Only root may mount. The two tests before this one meet a full disk as every user can.
  const canMount = mountTmpfs();
  it.skipIf(canMount === undefined)("is survived on a file system without room", async () => {
    const directory = await mkdtemp(join(tmpdir(), "es-sqlite-full-"));
    execFileSync("mount", ["-t", "tmpfs", "-o", "size=1m", "tmpfs", directory]);
    try {
      const child = new Child(FILL, { path: join(directory, "events.db") });
      await survives(child, () => execFileSync("mount", ["-o", "remount,size=50m", directory]));
    } finally {
      execFileSync("umount", [directory]);
      await rm(directory, { recursive: true });
    }
  });
});

/** Whether this user may mount a file system of limited size. */
function mountTmpfs(): true | undefined {
  if (process.platform !== "linux" || process.getuid?.() !== 0) return undefined;
  try {
    execFileSync("unshare", ["-m", "mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", tmpdir()], { stdio: "ignore" });
    return true;
  } catch {
    return undefined;
  }
}

describe("a file that is taken away while it is open", () => {
  it.each(["deleted", "replaced"])("is noticed when it was %s, and nothing is acknowledged any more", async (how) => {
    await using file = await temporaryFile();
    await using store = await openSqliteEventStore({ path: file.path });
    await store.append(writeOf("a-1", 0));
    await rm(file.path);
    if (how === "replaced") await (await openSqliteEventStore({ path: file.path }))[Symbol.asyncDispose]();
    await new Promise((resolve) => setTimeout(resolve, 25));

    await expect(store.append(writeOf("a-1", 1))).rejects.toMatchObject({
      code: "ES_STORE_UNAVAILABLE",
      message: expect.stringContaining("deleted, moved or replaced"),
    });
    await expect(store.transaction(async () => undefined)).rejects.toMatchObject({ code: "ES_STORE_UNAVAILABLE" });
  });
});

describe("a damaged file", () => {
  async function filled(path: string): Promise<void> {
    await using store = await openSqliteEventStore({ path });
    for (let count = 0; count < 20; count += 1) await store.append(writeOf("a-1", "any", 50));
  }

  async function readAll(path: string): Promise<unknown> {
    await using store = await openSqliteEventStore({ path });
    return await readLog(store);
  }

  it("is reported as StoreCorruptError when a damaged page is read", async () => {
    await using file = await temporaryFile();
    await filled(file.path);
    const { size } = statSync(file.path);
    const fd = openSync(file.path, "r+");
    // All but the first pages, which hold the schema: so the store opens and meets the damage while reading.
    for (let page = 8; page < size / 4_096; page += 1) writeSync(fd, Buffer.alloc(4_096, 0xff), 0, 4_096, page * 4_096);
    closeSync(fd);

    await expect(readAll(file.path)).rejects.toMatchObject({ code: "ES_STORE_CORRUPT", retryable: false });
  });

  it("is reported as StoreCorruptError, with the place, when an event is not JSON", async () => {
    await using file = await temporaryFile();
    await filled(file.path);
    const database = new Database(file.path);
    database.exec("UPDATE es_events SET data = '{\"index\":' WHERE position = 7");
    database.close();

    await expect(readAll(file.path)).rejects.toMatchObject({
      code: "ES_STORE_CORRUPT",
      message: expect.stringContaining("position 7"),
    });
  });

  it("is not opened when it is no SQLite file, or its header is damaged", async () => {
    await using file = await temporaryFile();
    await writeFile(join(dirname(file.path), "text.db"), "this is not a database\n".repeat(100));
    await filled(file.path);
    const bytes = readFileSync(file.path);
    bytes.fill(0, 0, 16);
    await writeFile(join(dirname(file.path), "damaged.db"), bytes);

    for (const name of ["text.db", "damaged.db"]) {
      await expect(readAll(join(dirname(file.path), name))).rejects.toMatchObject({
        code: "ES_STORE_FORMAT",
        message: expect.stringContaining(name),
      });
    }
  });
});

describe("a closed store", () => {
  const open = async (path: string): Promise<SqliteEventStore> => openSqliteEventStore({ path });

  it("has stored what was appended before, and refuses everything afterwards", async () => {
    await using file = await temporaryFile();
    const store = await open(file.path);
    const live = readLog({ readAll: () => store.readAll({ live: true }) });
    live.catch(() => undefined);
    const pending = [store.append(writeOf("a-1", 0)), store.append(writeOf("a-1", 1)), store.registers.set("k", "v")];

    await Promise.all([store[Symbol.asyncDispose](), store[Symbol.asyncDispose]()]);
    await store[Symbol.asyncDispose]();

    await expect(Promise.all(pending)).resolves.toHaveLength(3);
    const closed = { code: "ES_STORE_CLOSED" };
    await expect(live).rejects.toMatchObject(closed);
    await expect(store.append(writeOf("a-1"))).rejects.toMatchObject(closed);
    await expect(readLog(store)).rejects.toMatchObject(closed);
    await expect(store.head()).rejects.toMatchObject(closed);
    await expect(store.registers.get("k")).rejects.toMatchObject(closed);
    await expect(store.transaction(async () => undefined)).rejects.toMatchObject(closed);
    await using again = await open(file.path);
    expect(await readLog(again)).toHaveLength(2);
  });

  it("lets a running transaction end, and rolls back one that does not", async () => {
    await using file = await temporaryFile();
    const store = await openSqliteEventStore({ path: file.path, timeoutMs: 100 });
    const ending = store.transaction(async (tx) => {
      await new Promise((resolve) => setTimeout(resolve, 20));
      await store.append(writeOf("ends-1"), { tx });
    });
    await new Promise((resolve) => setTimeout(resolve, 5));
    await store[Symbol.asyncDispose]();
    await ending;

    const second = await openSqliteEventStore({ path: file.path, timeoutMs: 50 });
    let go = (): void => undefined;
    const stuck = second.transaction(async (tx) => {
      await second.append(writeOf("stuck-1"), { tx });
      await new Promise<void>((resolve) => {
        go = resolve;
      });
    });
    stuck.catch(() => undefined);
    await new Promise((resolve) => setTimeout(resolve, 10));
    await second[Symbol.asyncDispose]();
    go();

    await expect(stuck).rejects.toMatchObject({ code: "ES_STORE_CLOSED" });
    await using again = await open(file.path);
    expect((await readLog(again)).map(({ streamId }) => streamId)).toStrictEqual(["ends-1"]);
  });

  it("says so when the owner of the database closed it", async () => {
    const database = new Database(":memory:");
    const store = await openSqliteEventStore({ database });
    database.close();

    await expect(store.append(writeOf("a-1"))).rejects.toMatchObject({ code: "ES_STORE_CLOSED" });
    await expect(store.head()).rejects.toMatchObject({ code: "ES_STORE_CLOSED" });
    await store[Symbol.asyncDispose]();
  });
});
