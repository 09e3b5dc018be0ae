import { writeFile } from "node:fs/promises";
import { type EventStore, UnknownOutcomeError } from "@es/core";
import { createMemoryEventStore } from "@es/store-memory";
import { openSqliteEventStore } from "@es/store-sqlite";
import Database from "better-sqlite3";
import { describe, expect, it } from "vitest";
import { type CheckpointedSink, createProjectionRunner, createSqliteSink } from "../src/index.ts";
import { deposit } from "./accounts.ts";
import { type BalanceDatabase, balances, createBalances, readBalances } from "./balances.ts";
import { Reports } from "./reports.ts";
import { temporaryDirectory } from "./temporary-file.ts";
import { VirtualClock } from "./virtual-clock.ts";

/** A store, a read model, and a way to look at it: in one database, and in two. */
interface Place extends AsyncDisposable {
  readonly store: EventStore<unknown>;
  readonly sink: CheckpointedSink<BalanceDatabase>;
  read(): Record<string, string>;
}

async function sameDatabase(): Promise<Place> {
  const directory = await temporaryDirectory();
  const path = directory.path("events.db");
  const store = await openSqliteEventStore({ path });
  const view = new Database(path);
  createBalances(view);
  return {
    store,
    sink: store,
    read: () => readBalances(view),
    async [Symbol.asyncDispose]() {
      view.close();
      await store[Symbol.asyncDispose]();
      await directory[Symbol.asyncDispose]();
    },
  };
}

async function otherDatabase(): Promise<Place> {
  const directory = await temporaryDirectory();
  const path = directory.path("views.db");
  const store = createMemoryEventStore();
  const database = new Database(path);
  const view = new Database(path);
  createBalances(database);
  return {
    store,
    sink: createSqliteSink(database),
    read: () => readBalances(view),
    async [Symbol.asyncDispose]() {
      view.close();
      database.close();
      await directory[Symbol.asyncDispose]();
    },
  };
}

describe.each([
  ["the store's own database", sameDatabase],
  ["another database", otherDatabase],
] as const)("a read model in %s", (_name, open) => {
  it("has each event once, whatever fails on the way", async () => {
    await using place = await open();
    await deposit(place.store, "a-1", 1, 2, 4);
    await deposit(place.store, "b-1", 8);
    let failures = 2;
    const fail = (amount: number): void => {
      if (amount === 4 && failures > 0) {
        failures -= 1;
        throw new Error("not yet");
      }
    };
    await using runner = createProjectionRunner(balances(fail), { ...place, clock: new VirtualClock(5_000) });

    await runner.start();
    await runner.waitFor(await place.store.head());

    expect(place.read()).toStrictEqual({ "a-1": "7 of 3", "b-1": "8 of 1" });
    expect(runner.guarantee).toBe("exactly-once");
  });

  it("shows nothing of an event in front of which the runner stopped, and has it after the fix", async () => {
    await using place = await open();
    await deposit(place.store, "a-1", 1, 2, 4);
    const clock = new VirtualClock(5_000);
    const failing = createProjectionRunner(
      balances((amount) => {
        if (amount === 2) throw new Error("no");
      }),
      { ...place, clock },
    );
    await failing.start();
    await expect(failing.done).rejects.toMatchObject({ code: "ES_HANDLER_FAILED", event: { version: 2 } });
    expect(place.read()).toStrictEqual({ "a-1": "1 of 1" });

    await using mended = createProjectionRunner(balances(), { ...place, clock });
    await mended.start();
    await mended.waitFor(await place.store.head());

    expect(place.read()).toStrictEqual({ "a-1": "7 of 3" });
  });

  it("has each event once when the answer to a commit is lost", async () => {
    await using place = await open();
    await deposit(place.store, "a-1", 1, 2);
    let lost = 1;
    const sink: CheckpointedSink<BalanceDatabase> = {
      registers: place.sink.registers,
      async transaction(work, options) {
        const result = await place.sink.transaction(work, options);
        if (lost > 0) {
          lost -= 1;
          throw new UnknownOutcomeError("the connection broke");
        }
        return result;
      },
    };
    const clock = new VirtualClock(5_000);
    await using runner = createProjectionRunner(balances(), { ...place, sink, clock });

    await runner.start();
    await runner.waitFor(await deposit(place.store, "a-1", 4));

    expect(lost).toBe(0);
    expect(place.read()).toStrictEqual({ "a-1": "7 of 3" });
  });

  it("rolls back what a runner writes that was overtaken while its handler ran", async () => {
    await using place = await open();
    await deposit(place.store, "a-1", 1);
    const entered = Promise.withResolvers<void>();
    const leave = Promise.withResolvers<void>();
    // The transaction begins only after the other runner is done: two on one connection would wait for each other.
    const sink: CheckpointedSink<BalanceDatabase> = {
      registers: place.sink.registers,
      async transaction(work, options) {
        entered.resolve();
        await leave.promise;
        return place.sink.transaction(work, options);
      },
    };
    const paused = createProjectionRunner(balances(), { ...place, sink });
    await paused.start();
    await entered.promise;
    await using other = createProjectionRunner(balances(), place);
    await other.start();
    await other.waitFor(await place.store.head());

    leave.resolve();

    await expect(paused.done).rejects.toMatchObject({ code: "ES_CHECKPOINT_CONFLICT" });
    expect(place.read()).toStrictEqual({ "a-1": "1 of 1" });
  });

  it("stores nothing of a page whose handler outlasts the time to drain", async () => {
    await using place = await open();
    await deposit(place.store, "a-1", 1);
    const clock = new VirtualClock();
    const entered = Promise.withResolvers<void>();
    const leave = Promise.withResolvers<void>();
    const handler = async (): Promise<void> => {
      entered.resolve();
      await leave.promise;
    };
    const runner = createProjectionRunner(balances(handler), { ...place, clock });
    await runner.start();
    await entered.promise;

    const stopping = runner.stop({ timeoutMs: 10 });
    await clock.slept();
    clock.advance(10);
    await expect(stopping).rejects.toMatchObject({ code: "ES_WAIT_TIMEOUT" });
    leave.resolve();
    await runner.done;

    expect(place.read()).toStrictEqual({});
  });
});

describe("the SQLite sink", () => {
  it("waits for a lock of another connection, and the runner tries again when that takes long", async () => {
    await using directory = await temporaryDirectory();
    const path = directory.path("views.db");
    const database = new Database(path, { timeout: 0 });
    const other = new Database(path);
    createBalances(database);
    const sink = createSqliteSink(database, { timeoutMs: 20 });
    await using store = createMemoryEventStore();
    const reports = new Reports();
    const clock = new VirtualClock(20_000);
    await using runner = createProjectionRunner(balances(), { store, sink, clock, onReport: reports.listener });
    await runner.start();
    other.exec("BEGIN IMMEDIATE");

    const position = await deposit(store, "a-1", 1);
    await reports.until("retrying");
    other.exec("COMMIT");
    await reports.until("progress", 2);

    expect(runner.status().position).toBe(position);
    expect(readBalances(other)).toStrictEqual({ "a-1": "1 of 1" });
    other.close();
    await runner.stop();
    database.close();
  });

  it("can be made while another connection has the lock, and makes its table again after a rollback", async () => {
    await using directory = await temporaryDirectory();
    const database = new Database(directory.path("views.db"), { timeout: 0 });
    const other = new Database(directory.path("views.db"));
    other.exec("BEGIN IMMEDIATE");

    const sink = createSqliteSink(database, { timeoutMs: 10 });
    await expect(sink.registers.get("a")).rejects.toMatchObject({ code: "ES_STORE_UNAVAILABLE", retryable: true });
    other.exec("COMMIT");
    const failing = sink.transaction(async (tx) => {
      await sink.registers.set("a", "1", { tx });
      throw new Error("no");
    });
    await expect(failing).rejects.toThrow("no");

    expect(await sink.registers.get("a")).toBeUndefined();
    expect(await sink.registers.set("a", "2", { expected: 0 })).toBe(1);
    other.close();
    database.close();
  });

  it("has registers with compare-and-set whose revisions are never used twice", async () => {
    const database = new Database(":memory:");
    const { registers, transaction } = createSqliteSink(database);

    const first = (await registers.set("a", "1", { expected: 0 })) ?? 0;
    expect(await registers.set("a", "2", { expected: 0 })).toBeUndefined();
    const second = (await registers.set("a", "2", { expected: first })) ?? 0;
    expect(await registers.delete("a", { expected: first })).toBe(false);
    expect(await registers.delete("a", { expected: second })).toBe(true);
    expect(await registers.get("a")).toBeUndefined();
    expect(await registers.delete("a")).toBe(false);
    const third = (await registers.set("a", "3", { expected: 0 })) ?? 0;
    await registers.set("ab", "x");
    await registers.set("é", "x");
    const failing = transaction(async (tx) => {
      await registers.set("a", "4", { tx });
      expect((await registers.get("a", { tx }))?.value).toBe("4");
      throw new Error("no");
    });
    await expect(failing).rejects.toThrow("no");

    expect(third).toBeGreaterThan(second);
    expect(await registers.get("a")).toStrictEqual({ value: "3", revision: third });
    const keys: string[] = [];
    for await (const key of registers.keys("a")) keys.push(key);
    expect(keys.sort()).toStrictEqual(["a", "ab"]);
    database.close();
  });

  it("refuses a table of a newer format, a transaction of the owner, and a foreign tx", async () => {
    const database = new Database(":memory:");
    const sink = createSqliteSink(database);

    await expect(sink.registers.set("a", "1", { tx: database })).rejects.toMatchObject({ code: "ES_CONFIGURATION" });
    database.exec("BEGIN");
    await expect(sink.transaction(async () => 1)).rejects.toMatchObject({ code: "ES_CONFIGURATION" });
    database.exec("COMMIT");
    await sink.registers.set("a", "1");
    database.exec("UPDATE es_projection_registers SET value = '2' WHERE key = ''");
    const again = createSqliteSink(database);
    await expect(again.registers.get("a")).rejects.toMatchObject({ code: "ES_STORE_FORMAT" });
    database.close();
  });
});

describe("a SQLite sink whose database fails", () => {
  it("blames no event when its disk is full, and goes on when there is room", async () => {
    await using store = createMemoryEventStore();
    const database = new Database(":memory:");
    createBalances(database);
    const sink = createSqliteSink(database);
    await sink.registers.set("a", "x");
    database.exec("CREATE TABLE filler (x BLOB)");
    const pages = Number(database.pragma("page_count", { simple: true }));
    database.pragma(`max_page_count = ${pages + 2}`);
    const fill = (): void => void database.exec("INSERT INTO filler VALUES (zeroblob(20000))");
    const reports = new Reports();
    const options = { store, sink, clock: new VirtualClock(5_000), onReport: reports.listener };
    await using runner = createProjectionRunner(balances(fill), { ...options, retry: { maxAttempts: 1 } });
    await runner.start();

    const position = await deposit(store, "a-1", 1);
    await reports.until("retrying", 3);
    expect(runner.status().lastError).toMatchObject({ code: "ES_STORE_UNAVAILABLE" });
    database.pragma(`max_page_count = ${pages + 100}`);
    await reports.until("progress", 2);

    expect(runner.status().position).toBe(position);
    expect(readBalances(database)).toStrictEqual({ "a-1": "1 of 1" });
    await runner.stop();
    database.close();
  });

  it("says what is wrong when it was closed, can only be read, is no database, or has another table", async () => {
    await using directory = await temporaryDirectory();
    const path = directory.path("views.db");
    const closed = new Database(path);
    await createSqliteSink(closed).registers.set("a", "x");
    closed.close();
    const readOnly = new Database(path, { readonly: true });
    await writeFile(directory.path("no.db"), "x".repeat(5_000));
    const noDatabase = new Database(directory.path("no.db"));
    const other = new Database(":memory:");
    other.exec("CREATE TABLE es_projection_registers (unexpected TEXT)");

    for (const [database, code] of [
      [closed, "ES_STORE_CLOSED"],
      [readOnly, "ES_UNSUPPORTED"],
      [noDatabase, "ES_STORE_FORMAT"],
      [other, "ES_STORE_FORMAT"],
    ] as const) {
      await expect(createSqliteSink(database).registers.set("a", "x")).rejects.toMatchObject({ code });
    }
    for (const database of [readOnly, noDatabase, other]) database.close();
  });

  it("passes on what a handler throws, as it is", async () => {
    const database = new Database(":memory:");
    const sink = createSqliteSink(database);
    const failing = sink.transaction(async (tx) => tx.exec("SELECT * FROM no_such_table"));

    await expect(failing).rejects.toMatchObject({ code: "SQLITE_ERROR" });
    database.close();
  });
});

it("needs a sink", async () => {
  await using store = createMemoryEventStore();
  // @ts-expect-error a projection that is delivered exactly once needs a sink
  const create = (): unknown => createProjectionRunner(balances(), { store });

  expect(create).toThrow(/sink/);
});
