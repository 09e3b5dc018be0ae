import Database from "better-sqlite3";
import { readLog, writeOf } from "test-helpers";
import { expect, it } from "vitest";
import { openSqliteEventStore } from "../src/index.ts";
import { temporaryFile } from "./temporary-file.ts";

it("commits events, registers and the caller's own rows together, or none of them", async () => {
  await using file = await temporaryFile();
  await using store = await openSqliteEventStore({ path: file.path });
  await store.transaction(async (tx) => {
    tx.exec("CREATE TABLE totals (name TEXT PRIMARY KEY, total INTEGER)");
  });
  const failure = new Error("after all");
  const work = (total: number, fail: boolean): Promise<void> =>
    store.transaction(async (tx) => {
      await store.append(writeOf("a-1"), { tx });
      await store.registers.set("k", String(total), { tx });
      tx.prepare("INSERT INTO totals VALUES (?, ?)").run(`n${total}`, total);
      if (fail) throw failure;
    });

  await work(1, false);
  await expect(work(2, true)).rejects.toBe(failure);

  expect(await readLog(store)).toHaveLength(1);
  expect((await store.registers.get("k"))?.value).toBe("1");
  const database = new Database(file.path, { readonly: true });
  expect(database.prepare("SELECT total FROM totals").pluck().all()).toStrictEqual([1]);
  database.close();
});

it("takes turns with appends, which never slip into a transaction", async () => {
  await using file = await temporaryFile();
  await using store = await openSqliteEventStore({ path: file.path });
  const failure = new Error("rolled back");
  let outside: Promise<unknown> | undefined;

  const rolledBack = store.transaction(async (tx) => {
    outside = store.append(writeOf("outside-1"));
    await store.append(writeOf("inside-1"), { tx });
    await new Promise((resolve) => setTimeout(resolve, 20));
    throw failure;
  });

  await expect(rolledBack).rejects.toBe(failure);
  await outside;
  expect((await readLog(store)).map(({ streamId }) => streamId)).toStrictEqual(["outside-1"]);
});

it("runs transactions one after the other, with their results", async () => {
  await using store = await openSqliteEventStore({ path: ":memory:" });
  const order: string[] = [];
  const work = (name: string) =>
    store.transaction(async () => {
      order.push(`${name} begins`);
      await new Promise(setImmediate);
      order.push(`${name} ends`);
      return name;
    });

  expect(await Promise.all([work("a"), work("b")])).toStrictEqual(["a", "b"]);
  expect(order).toStrictEqual(["a begins", "a ends", "b begins", "b ends"]);
});

it.each(["append", "register", "transaction"] as const)(
  "ends a forgotten { tx } (%s) with an error that says so, instead of waiting for ever",
  async (what) => {
    await using store = await openSqliteEventStore({ path: ":memory:", timeoutMs: 50 });

    const forgotten = store.transaction(async (): Promise<unknown> => {
      if (what === "append") return store.append(writeOf("a-1"));
      if (what === "register") return store.registers.set("k", "v");
      return store.transaction(async () => undefined);
    });

    await expect(forgotten).rejects.toMatchObject({
      code: "ES_STORE_UNAVAILABLE",
      message: expect.stringContaining("pass { tx }"),
    });
    expect((await store.append(writeOf("a-1"))).versions).toStrictEqual([1]);
  },
);

it("undoes only the refused append inside a transaction, which goes on", async () => {
  await using file = await temporaryFile();
  await using store = await openSqliteEventStore({ path: file.path });

  await store.transaction(async (tx) => {
    tx.exec(
      "CREATE TRIGGER poison BEFORE INSERT ON es_events WHEN NEW.type = 'Poison' BEGIN SELECT RAISE(ABORT, 'no'); END",
    );
    const poison = {
      streamId: "p-1",
      expected: "any",
      events: [...writeOf("").events, { type: "Poison", data: 1 }],
    } as const;
    await expect(store.append(poison, { tx })).rejects.toMatchObject({ code: "ES_CONFIGURATION" });
    await expect(store.append(writeOf("a-1", 3), { tx })).rejects.toMatchObject({ code: "ES_CONCURRENCY" });
    await store.append(writeOf("a-1", 0), { tx });
  });

  expect((await readLog(store)).map(({ streamId }) => streamId)).toStrictEqual(["a-1"]);
});

it("takes part in a transaction on another connection of the caller, and wakes live readers when that commits", async () => {
  await using file = await temporaryFile();
  await using store = await openSqliteEventStore({ path: file.path });
  const own = new Database(file.path);
  const write = writeOf("a-1", 0, 2);
  const live = (async () => {
    for await (const { events } of store.readAll({ live: true }))
      if (events.length > 0) return events.map(({ version }) => version);
    return [];
  })();

  own.exec("BEGIN IMMEDIATE");
  expect((await store.append(write, { tx: own })).versions).toStrictEqual([2]);
  expect(await readLog(store)).toStrictEqual([]);
  own.exec("COMMIT");

  expect(await live).toStrictEqual([1, 2]);
  own.close();
});

it("refuses a tx that is closed, has no transaction, belongs to another file, or is over", async () => {
  await using file = await temporaryFile();
  await using store = await openSqliteEventStore({ path: file.path });
  await using other = await openSqliteEventStore({ path: ":memory:" });
  const refusal = { code: "ES_CONFIGURATION" };
  const own = new Database(file.path);

  await expect(store.append(writeOf("a-1"), { tx: own })).rejects.toMatchObject({
    ...refusal,
    message: expect.stringContaining("BEGIN IMMEDIATE"),
  });
  own.close();
  await expect(store.append(writeOf("a-1"), { tx: own })).rejects.toMatchObject({
    ...refusal,
    message: expect.stringContaining("closed"),
  });
  await other.transaction(async (tx) => {
    await expect(store.registers.set("k", "v", { tx })).rejects.toMatchObject({
      ...refusal,
      message: expect.stringContaining("another database"),
    });
  });
  const plain = new Database(":memory:");
  plain.exec("BEGIN");
  await expect(store.append(writeOf("a-1"), { tx: plain })).rejects.toMatchObject(refusal);
  plain.close();
  const ended = await store.transaction(async (tx) => tx);
  await expect(store.append(writeOf("a-1"), { tx: ended })).rejects.toMatchObject({
    ...refusal,
    message: expect.stringContaining("has ended"),
  });
  await expect(
    store.transaction(async (tx) => {
      tx.exec("COMMIT");
    }),
  ).rejects.toMatchObject(refusal);
  expect(await readLog(store)).toStrictEqual([]);
});

it("waits while the owner of the database is in a transaction, and never slips into it", async () => {
  await using file = await temporaryFile();
  const database = new Database(file.path);
  await using store = await openSqliteEventStore({ database });

  database.exec("BEGIN IMMEDIATE");
  const waiting = store.append(writeOf("waiting-1"));
  await store.append(writeOf("joined-1"), { tx: database });
  await new Promise((resolve) => setTimeout(resolve, 30));
  expect(await readLog(store)).toStrictEqual([]);
  database.exec("ROLLBACK");

  await waiting;
  expect((await readLog(store)).map(({ streamId }) => streamId)).toStrictEqual(["waiting-1"]);
  await store[Symbol.asyncDispose]();
  expect(database.open).toBe(true);
  database.close();
});

it("gives up on a transaction of the owner that lasts too long, and says to pass { tx }", async () => {
  const database = new Database(":memory:");
  await using store = await openSqliteEventStore({ database, timeoutMs: 40 });
  database.exec("BEGIN");

  await expect(store.append(writeOf("a-1"))).rejects.toMatchObject({
    code: "ES_STORE_UNAVAILABLE",
    message: expect.stringContaining("pass { tx }"),
  });
  await expect(store.head()).rejects.toMatchObject({ code: "ES_STORE_UNAVAILABLE" });
  database.exec("COMMIT");
  expect(await store.head()).toBe("");
  await store[Symbol.asyncDispose]();
  database.close();
});

it("waits while the owner iterates over rows, and leaves his busy timeout and integer type as they were", async () => {
  await using file = await temporaryFile();
  const database = new Database(file.path, { timeout: 1_234 }).defaultSafeIntegers(true);
  await using store = await openSqliteEventStore({ database });
  await store.append(writeOf("a-1", 0, 3));
  const rows = database.prepare("SELECT version FROM es_events").iterate();
  rows.next();

  const waiting = store.append(writeOf("a-1", 3));
  await new Promise((resolve) => setTimeout(resolve, 20));
  rows.return?.();

  expect((await waiting).versions).toStrictEqual([4]);
  expect((await readLog(store)).map(({ version }) => version)).toStrictEqual([1, 2, 3, 4]);
  expect(database.pragma("busy_timeout", { simple: true })).toBe(1_234n);
  await store[Symbol.asyncDispose]();
  database.close();
});

it("shows a :memory: reader the state before the open transaction, registers included", async () => {
  await using store = await openSqliteEventStore({ path: ":memory:" });
  const listed = async (): Promise<string[]> => {
    const keys: string[] = [];
    for await (const key of store.registers.keys("k")) keys.push(key);
    return keys.toSorted();
  };
  await store.append(writeOf("a-1", 0, 2));
  await store.registers.set("k1", "one");
  await store.registers.set("k2", "two");

  await store.transaction(async (tx) => {
    await store.append(writeOf("a-1", 2), { tx });
    await store.registers.set("k1", "changed", { tx });
    await store.registers.set("k3", "new", { tx });
    await store.registers.delete("k2", { tx });
    expect((await readLog(store)).map(({ version }) => version)).toStrictEqual([1, 2]);
    for await (const page of store.readStream("a-1", { direction: "backward" }))
      expect(page.map(({ version }) => version)).toStrictEqual([2, 1]);
    for await (const page of store.readAll({ filter: { categories: ["a"] } }))
      expect(page).toMatchObject({ isCaughtUp: true, events: { length: 2 } });
    expect(await store.head()).toBe("0000000000000002");
    expect((await store.registers.get("k1"))?.value).toBe("one");
    expect((await store.registers.get("k1", { tx }))?.value).toBe("changed");
    expect(await listed()).toStrictEqual(["k1", "k2"]);
  });

  expect(await readLog(store)).toHaveLength(3);
  expect(await listed()).toStrictEqual(["k1", "k3"]);
});

it("lists the keys of a :memory: database once each while a transaction comes and goes between two pages", async () => {
  await using store = await openSqliteEventStore({ path: ":memory:" });
  const keys = Array.from({ length: 1_200 }, (_, index) => `k${String(index).padStart(4, "0")}`);
  await Promise.all(keys.map((key) => store.registers.set(key, "v")));
  const listing = store.registers.keys("k")[Symbol.asyncIterator]();
  const seen: (string | undefined)[] = [];
  const take = async (count: number): Promise<void> => {
    for (let index = 0; index < count; index += 1) seen.push((await listing.next()).value);
  };

  await take(500);
  await store.transaction(async (tx) => {
    for (const key of ["k0001", "k0700", "k0999"]) await store.registers.delete(key, { tx });
    await store.registers.set("k0800", "changed", { tx });
    await take(500);
  });
  await take(200);

  expect(seen.toSorted()).toStrictEqual(keys);
  expect((await listing.next()).done).toBe(true);
});

it("rolls back although the work has left an iterator open, so that nothing slips into its transaction", async () => {
  const database = new Database(":memory:");
  const store = await openSqliteEventStore({ database });
  await store.append(writeOf("a-1", 0, 3));
  let rows: IterableIterator<unknown> | undefined;

  const failed = store.transaction(async (tx) => {
    await store.append(writeOf("a-1", 3), { tx });
    rows = database.prepare("SELECT version FROM es_events").iterate();
    rows.next();
    throw new Error("changed my mind");
  });

  await expect(failed).rejects.toThrow("changed my mind");
  expect(database.inTransaction).toBe(false);
  rows?.return?.();
  database.transaction(() => database.exec("CREATE TABLE mine (a)"))();
  await store.append(writeOf("a-1", 3));
  expect(database.prepare("SELECT count(*) FROM mine").pluck().get()).toBe(0);
  expect(await readLog(store)).toHaveLength(4);
  await store[Symbol.asyncDispose]();
  database.close();
});

it.each(["resolves", "rejects"])(
  "leaves the owner's next transaction alone when work that close cut off %s",
  async (end) => {
    const database = new Database(":memory:");
    const store = await openSqliteEventStore({ database, timeoutMs: 30 });
    const work = Promise.withResolvers<void>();
    const cutOff = store.transaction(async (tx) => {
      await store.append(writeOf("a-1", 0), { tx });
      await work.promise;
    });
    await store[Symbol.asyncDispose]();

    database.exec("CREATE TABLE mine (a); BEGIN; INSERT INTO mine VALUES (1)");
    if (end === "resolves") work.resolve();
    else work.reject(new Error("too late"));

    await expect(cutOff).rejects.toMatchObject(
      end === "resolves" ? { code: "ES_STORE_CLOSED" } : { message: "too late" },
    );
    expect(database.inTransaction).toBe(true);
    database.exec("COMMIT");
    expect(database.prepare("SELECT count(*) FROM mine").pluck().get()).toBe(1);
    expect(database.prepare("SELECT count(*) FROM es_events").pluck().get()).toBe(0);
    database.close();
  },
);
