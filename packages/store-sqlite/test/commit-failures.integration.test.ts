import { idsOf, readLog, writeOf } from "test-helpers";
import { expect, it } from "vitest";
import { GroupWriter } from "../src/group-writer.ts";
import { openSqliteEventStore } from "../src/index.ts";
import { WriteConnection } from "../src/write-connection.ts";
import { driverError, FaultyDatabase } from "./faulty-database.ts";
import { temporaryFile } from "./temporary-file.ts";

async function openFaulty(path: string, timeoutMs = 500) {
  const database = new FaultyDatabase(path);
  const store = await openSqliteEventStore({ database, timeoutMs });
  return {
    store,
    database,
    /** The next COMMITs end with these codes, having rolled back as SQLite does. */
    failCommits(...codes: string[]) {
      database.beforeRun = (sql) => {
        if (sql !== "COMMIT") return;
        const code = codes.shift();
        if (code === undefined) return;
        if (!code.startsWith("SQLITE_BUSY")) database.exec("ROLLBACK");
        throw driverError(code);
      };
    },
    async [Symbol.asyncDispose]() {
      await store[Symbol.asyncDispose]();
      database.close();
    },
  };
}

it.each(["SQLITE_FULL", "SQLITE_IOERR_WRITE", "SQLITE_NOMEM"])(
  "says that nothing was written when the commit fails with %s, and goes on",
  async (code) => {
    await using file = await temporaryFile();
    await using opened = await openFaulty(file.path);
    const lost = [writeOf("a-1", 0), writeOf("b-1", 0)];
    opened.failCommits(code);

    const verdicts = await Promise.allSettled(lost.map((write) => opened.store.append(write)));

    const refusal = { reason: { code: "ES_STORE_UNAVAILABLE", retryable: true, cause: { code } } };
    expect(verdicts).toMatchObject([refusal, refusal]);
    expect(await readLog(opened.store)).toStrictEqual([]);
    expect((await opened.store.append(lost[0] ?? [])).versions).toStrictEqual([1]);
  },
);

it("settles a failed sync with one more commit, after which nothing of the group can come back", async () => {
  await using file = await temporaryFile();
  await using opened = await openFaulty(file.path);
  opened.failCommits("SQLITE_IOERR_FSYNC");
  const during = opened.store.append(writeOf("a-1", 0));
  await expect(during).rejects.toMatchObject({ code: "ES_STORE_UNAVAILABLE", cause: { code: "SQLITE_IOERR_FSYNC" } });

  expect(await readLog(opened.store)).toStrictEqual([]);
});

it("finds out that a commit which failed was stored after all", async () => {
  await using file = await temporaryFile();
  await using opened = await openFaulty(file.path);
  const write = writeOf("a-1", 0, 2);
  let fails = true;
  opened.database.beforeRun = (sql) => {
    if (sql !== "COMMIT" || !fails) return;
    fails = false;
    opened.database.exec("COMMIT");
    throw driverError("SQLITE_IOERR_FSYNC");
  };

  expect(await opened.store.append(write)).toMatchObject({ versions: [2], duplicate: false });
  expect((await readLog(opened.store)).map(({ id }) => id)).toStrictEqual(idsOf(write));
});

it("calls the outcome unknown only when finding out fails as well, and recognises the retry", async () => {
  await using file = await temporaryFile();
  await using opened = await openFaulty(file.path);
  const write = writeOf("a-1", 0);
  opened.failCommits("SQLITE_IOERR_FSYNC", "SQLITE_IOERR_FSYNC");

  await expect(opened.store.append(write)).rejects.toMatchObject({ code: "ES_UNKNOWN_OUTCOME", retryable: true });

  expect(await opened.store.append(write)).toMatchObject({ versions: [1] });
  expect(await opened.store.append(write)).toMatchObject({ versions: [1], duplicate: true });
});

it("tries a locked commit again, and gives up with nothing stored when it stays locked", async () => {
  await using file = await temporaryFile();
  await using opened = await openFaulty(file.path, 60);
  opened.failCommits("SQLITE_BUSY", "SQLITE_BUSY");
  expect((await opened.store.append(writeOf("a-1", 0))).versions).toStrictEqual([1]);

  opened.failCommits(...Array.from({ length: 1_000 }, () => "SQLITE_BUSY"));
  await expect(opened.store.append(writeOf("a-1", 1))).rejects.toMatchObject({ code: "ES_STORE_UNAVAILABLE" });

  opened.failCommits();
  expect((await opened.store.append(writeOf("a-1", 1))).versions).toStrictEqual([2]);
});

it("rejects a transaction whose commit fails, and goes on", async () => {
  await using file = await temporaryFile();
  await using opened = await openFaulty(file.path);
  opened.failCommits("SQLITE_FULL");

  const failed = opened.store.transaction((tx) => opened.store.append(writeOf("a-1", 0), { tx }));

  await expect(failed).rejects.toMatchObject({ code: "ES_STORE_UNAVAILABLE" });
  expect(
    (await opened.store.transaction((tx) => opened.store.append(writeOf("a-1", 0), { tx }))).versions,
  ).toStrictEqual([1]);
});

it("fails every waiting write when the database cannot begin a transaction at all", async () => {
  await using file = await temporaryFile();
  await using opened = await openFaulty(file.path);
  opened.database.beforeRun = (sql) => {
    if (sql === "BEGIN IMMEDIATE") throw driverError("SQLITE_IOERR_SHMOPEN");
  };

  const verdicts = await Promise.allSettled([
    opened.store.append(writeOf("a-1")),
    opened.store.registers.set("k", "v"),
  ]);

  const refusal = { reason: { code: "ES_STORE_UNAVAILABLE" } };
  expect(verdicts).toMatchObject([refusal, refusal]);
});

it("settles a failed sync of a write that is its own transaction, too", async () => {
  await using file = await temporaryFile();
  await using opened = await openFaulty(file.path);
  const writer = new GroupWriter({
    connection: new WriteConnection(opened.database, { isForeign: false }),
    timeoutMs: 500,
    maxPending: 10,
    onTransaction: () => undefined,
  });
  const statements: string[] = [];
  const submit = (): Promise<string> =>
    writer.submit(
      {
        events: 1,
        bytes: 1,
        run: () => "in a group",
        runBare() {
          throw driverError("SQLITE_IOERR_FSYNC");
        },
        isStored: () => false,
        isProof: () => true,
      },
      undefined,
    );
  opened.database.beforeRun = (sql) => statements.push(sql);

  await expect(submit()).rejects.toMatchObject({ code: "ES_STORE_UNAVAILABLE", cause: { code: "SQLITE_IOERR_FSYNC" } });
  expect(statements).toStrictEqual(["BEGIN IMMEDIATE", "COMMIT"]);

  opened.failCommits("SQLITE_IOERR_FSYNC");
  await expect(submit()).rejects.toMatchObject({ code: "ES_UNKNOWN_OUTCOME" });
  await writer.close();
});

it("does not take a repetition for the proof that its group was committed", async () => {
  await using file = await temporaryFile();
  await using opened = await openFaulty(file.path);
  const { store } = opened;
  const stored = writeOf("a-1", 0);
  await store.append(stored);
  await store.registers.set("k", "old");
  opened.failCommits("SQLITE_IOERR_FSYNC");

  const verdicts = await Promise.allSettled([
    store.append(writeOf("b-1", 0)),
    store.append(stored),
    store.registers.set("k", "new"),
  ]);

  expect(verdicts).toMatchObject([
    { reason: { code: "ES_STORE_UNAVAILABLE" } },
    { value: { versions: [1], duplicate: true } },
    { reason: { code: "ES_STORE_UNAVAILABLE" } },
  ]);
  expect((await readLog(store)).map(({ id }) => id)).toStrictEqual(idsOf(stored));
  expect((await store.registers.get("k"))?.value).toBe("old");
  await expect(store.append(writeOf("b-1", 1))).rejects.toMatchObject({ code: "ES_CONCURRENCY", actual: 0 });
});

it("settles a lone repetition by what is stored, when its commit fails", async () => {
  await using file = await temporaryFile();
  await using opened = await openFaulty(file.path);
  const stored = writeOf("a-1", 0);
  await opened.store.append(stored);
  opened.failCommits("SQLITE_IOERR_FSYNC");

  expect(await opened.store.append(stored)).toMatchObject({ versions: [1], duplicate: true });
});

it("rejects a transaction that cannot read where the log ends, and goes on", async () => {
  const database = new FaultyDatabase(":memory:");
  const store = await openSqliteEventStore({ database, timeoutMs: 500 });
  database.beforeGet = (sql) => {
    if (sql.includes("max(position)")) throw driverError("SQLITE_IOERR_READ");
  };

  await expect(store.transaction(async () => "never")).rejects.toMatchObject({ code: "ES_STORE_UNAVAILABLE" });

  database.beforeGet = () => undefined;
  expect(database.inTransaction).toBe(false);
  expect((await store.append(writeOf("a-1", 0))).versions).toStrictEqual([1]);
  await store[Symbol.asyncDispose]();
  database.close();
});
