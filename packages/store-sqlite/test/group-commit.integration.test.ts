import Database from "better-sqlite3";
import { idsOf, readLog, writeOf } from "test-helpers";
import { expect, it } from "vitest";
import { openSqliteEventStore } from "../src/index.ts";
import { temporaryFile } from "./temporary-file.ts";

/** A store over a database that counts what is committed. */
async function openCounting(path: string) {
  const statements: string[] = [];
  const database = new Database(path, { verbose: (sql) => statements.push(String(sql)), timeout: 0 });
  const store = await openSqliteEventStore({ database });
  return {
    store,
    database,
    commits: () => statements.filter((sql) => sql === "COMMIT").length,
    async [Symbol.asyncDispose]() {
      await store[Symbol.asyncDispose]();
      database.close();
    },
  };
}

it("stores appends that are made together in one transaction", async () => {
  await using file = await temporaryFile();
  await using opened = await openCounting(file.path);
  const before = opened.commits();
  const writes = Array.from({ length: 50 }, (_, index) => writeOf(`a-${index}`, "no-stream"));

  await Promise.all(writes.map((write) => opened.store.append(write)));

  expect(opened.commits() - before).toBe(1);
  expect((await readLog(opened.store)).map(({ id }) => id)).toStrictEqual(writes.flatMap(idsOf));
});

it("gives each append of a group its own verdict", async () => {
  await using file = await temporaryFile();
  await using opened = await openCounting(file.path);
  const { store } = opened;
  const first = writeOf("a-1", "no-stream");
  const second = writeOf("a-1", 1, 2);
  const before = opened.commits();

  const verdicts = await Promise.allSettled([
    store.append(first),
    store.append(writeOf("a-1", "no-stream")),
    store.append(second),
    store.append([writeOf("b-1"), writeOf("a-1", 7)]),
    store.append(writeOf("a-1", 3), { if: { none: { types: ["Happened"] }, after: "" } }),
    store.append(first),
    store.registers.set("k", "v", { expected: 0 }),
  ]);

  expect(opened.commits() - before).toBe(1);
  expect(verdicts).toMatchObject([
    { value: { versions: [1], duplicate: false } },
    { reason: { code: "ES_CONCURRENCY", expected: "no-stream", actual: 1 } },
    { value: { versions: [3], duplicate: false } },
    { reason: { code: "ES_CONCURRENCY", streamId: "a-1", expected: 7, actual: 3 } },
    { reason: { code: "ES_CONDITION_FAILED" } },
    { value: { versions: [1], duplicate: true } },
    { value: 1 },
  ]);
  expect((await readLog(store)).map(({ id }) => id)).toStrictEqual([first, second].flatMap(idsOf));
});

it("fails only the append that cannot be stored, when the database refuses one of a group", async () => {
  await using file = await temporaryFile();
  await using opened = await openCounting(file.path);
  opened.database.exec(
    "CREATE TRIGGER poison BEFORE INSERT ON es_events WHEN NEW.type = 'Poison' BEGIN SELECT RAISE(ABORT, 'no poison'); END",
  );
  const good = Array.from({ length: 4 }, (_, index) => writeOf(`a-${index}`));
  const poison = {
    streamId: "p-1",
    expected: "any",
    events: [...writeOf("").events, { type: "Poison", data: 1 }],
  } as const;

  const [one, two, refused, three, four] = await Promise.allSettled(
    [...good.slice(0, 2), poison, ...good.slice(2)].map((write) => opened.store.append(write)),
  );

  expect([one, two, three, four].map((verdict) => verdict?.status)).toStrictEqual(
    Array.from({ length: 4 }, () => "fulfilled"),
  );
  expect(refused).toMatchObject({ reason: { code: "ES_CONFIGURATION", cause: { code: "SQLITE_CONSTRAINT_TRIGGER" } } });
  expect((await readLog(opened.store)).map(({ id }) => id)).toStrictEqual(good.flatMap(idsOf));
});

it("does not call an event stored that a trigger swallows", async () => {
  await using file = await temporaryFile();
  await using opened = await openCounting(file.path);
  opened.database.exec("CREATE TRIGGER swallow BEFORE INSERT ON es_events BEGIN SELECT RAISE(IGNORE); END");

  await expect(opened.store.append(writeOf("a-1"))).rejects.toMatchObject({ code: "ES_STORE_UNAVAILABLE" });
  await expect(opened.store.append(writeOf("a-1", 0, 2))).rejects.toMatchObject({ code: "ES_STORE_UNAVAILABLE" });
});

it("bounds the events in one transaction, and still stores one append in one piece", async () => {
  await using file = await temporaryFile();
  await using opened = await openCounting(file.path);
  const before = opened.commits();
  const writes = Array.from({ length: 10 }, (_, index) => writeOf(`a-${index}`, "any", 400));

  const [large] = await Promise.all([
    opened.store.append(writeOf("large-1", "any", 3_000)),
    ...writes.map((write) => opened.store.append(write)),
  ]);

  expect(large.versions).toStrictEqual([3_000]);
  expect(opened.commits() - before).toBe(6);
});

it("refuses a write at once when too many wait, and keeps those that do", async () => {
  await using store = await openSqliteEventStore({ path: ":memory:", maxPendingWrites: 3 });

  const verdicts = await Promise.allSettled(Array.from({ length: 5 }, () => store.append(writeOf("a-1"))));

  expect(verdicts.map(({ status }) => status)).toStrictEqual([
    "fulfilled",
    "fulfilled",
    "fulfilled",
    "rejected",
    "rejected",
  ]);
  expect(verdicts[4]).toMatchObject({ reason: { code: "ES_STORE_UNAVAILABLE", retryable: true } });
  expect(await readLog(store)).toHaveLength(3);
});

it("refuses an append that is aborted while it waits, and stores the others", async () => {
  await using store = await openSqliteEventStore({ path: ":memory:" });
  const abort = new AbortController();
  const kept = writeOf("a-1");

  const aborted = store.append(writeOf("a-1"), { signal: abort.signal });
  const stored = store.append(kept);
  abort.abort("changed my mind");

  await expect(aborted).rejects.toMatchObject({ code: "ES_ABORTED", cause: "changed my mind" });
  await stored;
  expect((await readLog(store)).map(({ id }) => id)).toStrictEqual(idsOf(kept));
});

it("lets nothing out of the lone form: a stale, a repeated and a too high expectation are told apart", async () => {
  await using file = await temporaryFile();
  await using store = await openSqliteEventStore({ path: file.path });
  await using other = await openSqliteEventStore({ path: file.path });
  const first = writeOf("a-1", 0);
  await store.append(first);
  await other.append(writeOf("a-1", 1));

  expect(await store.append(first)).toMatchObject({ versions: [1], duplicate: true });
  await expect(store.append(writeOf("a-1", 1))).rejects.toMatchObject({ code: "ES_CONCURRENCY", actual: 2 });
  await expect(store.append(writeOf("a-1", 5))).rejects.toMatchObject({ code: "ES_CONCURRENCY", actual: 2 });
  await expect(store.append(writeOf("b-1", "stream-exists"))).rejects.toMatchObject({
    code: "ES_CONCURRENCY",
    actual: 0,
  });
  expect((await store.append(writeOf("a-1", "stream-exists"))).versions).toStrictEqual([3]);
  expect((await other.append(writeOf("a-1", "any"))).versions).toStrictEqual([4]);
  expect((await store.append(writeOf("a-1", "any"))).versions).toStrictEqual([5]);
});
