import { defineEvents } from "@es/core";
import { createMemoryEventStore } from "@es/store-memory";
import { openSqliteEventStore } from "@es/store-sqlite";
import Database from "better-sqlite3";
import { describe, expect, it } from "vitest";
import * as z from "zod";
import * as projections from "../src/index.ts";
import { accountEvents, deposit } from "./accounts.ts";

const functions = new Map<string, unknown>(Object.entries(projections));

/** As JavaScript calls it: no compiler looks at the arguments. */
async function call(name: keyof typeof projections, ...args: readonly unknown[]): Promise<unknown> {
  return Reflect.apply(Object(functions.get(name)), undefined, args);
}

const store = createMemoryEventStore();
const { registers } = store;
const handlers = { Opened: () => undefined, Deposited: () => undefined };
const declared = { name: "a", events: accountEvents, handlers };
const projection = projections.defineProjection(declared);
const exactly = projections.defineProjection({ ...declared, delivery: projections.exactlyOnce() });
const manager = projections.defineProcessManager(declared);
const outbox = { name: "o", publish: () => undefined };
const batchOf = (batch: unknown) => ({ name: "a", events: accountEvents, batch });
const foldOf = (fold: object) => ({ name: "a", events: accountEvents, fold });
const fold = { key: () => "a", load: () => new Map(), evolve: handlers, save: () => undefined };
class Handlers {}

describe("what a caller without a compiler gets wrong is said, with what to do", () => {
  it.each<[keyof typeof projections, readonly unknown[], RegExp]>([
    ["defineProjection", [], /declaration of a projection is undefined/],
    ["defineProjection", [{ ...declared, name: 5 }], /5 is no name/],
    ["defineProjection", [{ ...declared, name: "" }], /"" is no name/],
    ["defineProjection", [{ ...declared, events: undefined }], /"events" .* defineEvents/],
    ["defineProjection", [{ ...declared, events: { Opened: z.object({}) } }], /"events" .* defineEvents/],
    ["defineProjection", [{ ...declared, types: "Opened" }], /"types" .* list of texts/],
    ["defineProjection", [{ ...declared, types: [] }], /"types" .* leave it out/],
    ["defineProjection", [{ ...declared, types: ["Closed"] }], /"Closed", which is not in its family/],
    ["defineProjection", [{ ...declared, categories: "account" }], /"categories" .* list of texts/],
    ["defineProjection", [{ ...declared, categories: [""] }], /"categories" .* list of texts/],
    [
      "defineProjection",
      [{ ...declared, handlers: { Opened: handlers.Opened } }],
      /no handler .* "Deposited"; add one/,
    ],
    ["defineProjection", [{ ...declared, handlers: { ...handlers, Opened: 5 } }], /no handler .* "Opened"/],
    ["defineProjection", [{ ...declared, handlers: { ...handlers, Oppened: 5 } }], /"Oppened", .* Opened, Deposited/],
    ["defineProjection", [{ ...declared, handlers: Handlers }], /made with new/],
    ["defineProjection", [batchOf({})], /"batch" .* a function/],
    ["defineProjection", [foldOf({ ...fold, load: undefined })], /"load" of the fold/],
    ["defineProjection", [foldOf({ ...fold, evolve: {} })], /"fold.evolve" for "Opened"/],
    ["defineProjection", [{ ...declared, from: "start" }], /"from" .* "beginning", "now"/],
    ["defineProjection", [{ ...declared, from: { after: 5 } }], /"from"/],
    ["defineProjection", [{ ...declared, from: { time: new Date("x") } }], /"from"/],
    ["defineProjection", [{ ...declared, unknownEvents: "skip" }], /"fail" or "ignore"/],
    ["defineProjection", [{ ...declared, delivery: "exactly-once" }], /exactlyOnce<Tx>\(\)/],
    ["createProjectionRunner", [], /the projection cannot be undefined/],
    ["createProjectionRunner", [declared, { store }], /"delivery" of the projection/],
    ["createProjectionRunner", [projection], /options of projection "a" cannot be undefined/],
    ["createProjectionRunner", [projection, { store: Promise.resolve(store) }], /a promise.*await/],
    ["createProjectionRunner", [projection, { store, checkpoints: store }], /"store.registers"/],
    ["createProjectionRunner", [projection, { store, pageSize: "5" }], /pageSize/],
    ["createProjectionRunner", [projection, { store, retry: 5 }], /"retry"/],
    ["createProjectionRunner", [projection, { store, storeRetry: { maxAttempts: "3" } }], /storeRetry.maxAttempts/],
    ["createProjectionRunner", [projection, { store, onFailure: "ignore" }], /onFailure is "ignore"; .*"stop", "skip"/],
    ["createProjectionRunner", [projection, { store, onFailure: { park: null } }], /onFailure/],
    ["createProjectionRunner", [projection, { store, onFailure: { park: { maxEvents: "x" } } }], /maxEvents is x/],
    ["createProjectionRunner", [projection, { store, onReport: 5 }], /"onReport"/],
    ["createProjectionRunner", [projection, { store, clock: {} }], /a clock/],
    ["createProjectionRunner", [projection, { store, random: 5 }], /"random"/],
    ["createProjectionRunner", [exactly, { store }], /needs a "sink"/],
    [
      "createProjectionRunner",
      [exactly, { store, sink: { registers } }],
      /the sink of projection "a".* createSqliteSink/,
    ],
    ["createProjectionRunner", [exactly, { store, sink: store }], /a store with transactions/],
    ["createSharedRunner", [exactly, { store, sink: { registers } }], /the sink of projection/],
    ["createSharedRunner", [projection, { store, leases: {} }], /"leases"/],
    ["createSharedRunner", [projection, { store, leaseMs: "x" }], /leaseMs/],
    ["createSharedRunner", [projection, { store, leaseMs: Infinity }], /leaseMs/],
    ["defineOutbox", [], /declaration of an outbox/],
    ["defineOutbox", [{ name: "o" }], /"publish" .* a function/],
    ["defineOutbox", [{ ...outbox, types: "a" }], /"types"/],
    ["defineOutbox", [{ ...outbox, concurrency: "x" }], /concurrency/],
    ["defineOutbox", [{ ...outbox, destination: "orders" }], /"destination" .* a function/],
    ["defineOutbox", [{ ...outbox, events: {} }], /"events" .* defineEvents/],
    ["defineOutbox", [{ ...outbox, from: "x" }], /"from"/],
    ["defineProcessManager", [], /declaration of a process manager/],
    ["defineProcessManager", [{ ...declared, handlers: undefined }], /"handlers" of process manager "a"/],
    ["defineProcessManager", [{ ...declared, handlers: {} }], /no handler .* "Opened"/],
    ["defineProcessManager", [{ ...declared, onTimeout: { X: 1 } }], /"onTimeout" for "X"/],
    ["defineProcessManager", [{ ...declared, timeouts: { X: 1 } }], /"timeouts" .* defineEvents/],
    [
      "defineProcessManager",
      [{ ...declared, timeouts: accountEvents, onTimeout: { Opened: 1, Deposited: 1 } }],
      /"Opened"; add one$/,
    ],
    ["createProcessManagerRunner", [manager], /options of the runner/],
    ["createProcessManagerRunner", [manager, {}], /"store"/],
    ["createProcessManagerRunner", [projection, { store }], /"handle" of the process manager/],
    ["rebuildProjection", [projection], /options/],
    ["rebuildProjection", [projection, { store }], /"readModel"/],
    ["rebuildProjection", [projection, { store, readModel: "x", replaces: 5 }], /5 is no name/],
    ["rebuildProjection", [projection, { store, readModel: "x", prepare: "x" }], /"prepare"/],
    ["rebuildProjection", [exactly, { store, readModel: "x", sink: { registers } }], /the sink of projection/],
    ["resetProjection", [undefined, "a"], /registers/],
    ["resetProjection", [store, "a"], /"store.registers"/],
    ["resetProjection", [{ registers, transaction: () => undefined }, "a", { clear: "x" }], /a function/],
    ["dropProjection", [registers], /no name/],
    ["dropProjection", [undefined, "a"], /registers/],
    ["listParked", [store, "a"], /"store.registers"/],
    ["listTimeouts", [store, "a"], /"store.registers"/],
    ["liveProjection", [store, "a"], /"store.registers"/],
    ["createSqliteSink", ["views.db"], /createSqliteSink\(new Database/],
    ["createSqliteSink", [new Database(":memory:"), { timeoutMs: "x" }], /timeoutMs/],
    ["createPostgresSink", ["postgres://"], /the pool of the sink/],
    ["natsPublisher", [], /connection to NATS/],
    ["natsPublisher", [{ request: () => undefined }, {}], /"headers"/],
    ["createEventBus", [{}], /defineEvents/],
    ["defineInlineProjection", [], /declaration of an inline projection/],
    ["defineInlineProjection", [{ ...declared, handlers: {} }], /"Opened"; add one$/],
    ["withInlineProjections", [store, []], /a store with transactions/],
  ])("%s %#", async (name, args, message) => {
    const calling = call(name, ...args);

    await expect(calling).rejects.toMatchObject({ code: "ES_CONFIGURATION", message: expect.stringMatching(message) });
  });

  it("a handler of an event that a bus does not have", () => {
    const bus = projections.createEventBus(accountEvents);

    // @ts-expect-error there is no such event
    expect(() => bus.on("Closed", () => undefined)).toThrow(/no event "Closed"; .* Opened, Deposited/);
    expect(() => Reflect.apply(bus.on, bus, ["Opened"])).toThrow(/a function/);
  });
});

describe("a runner", () => {
  it("has reached the beginning before it has started, alone or shared", async () => {
    await projections.createProjectionRunner(projection, { store }).waitFor("", { timeoutMs: 1 });
    await projections.createSharedRunner(projection, { store, partitions: 2 }).waitFor("", { timeoutMs: 1 });
  });

  it("says what to wait for when it is given something else", async () => {
    const runner = projections.createProjectionRunner(projection, { store });
    const shared = projections.createSharedRunner(projection, { store });
    const result = await store.append({ streamId: "wait-1", expected: 0, events: [{ type: "Opened", data: {} }] });

    for (const waiter of [runner, shared]) {
      const waiting = Reflect.apply(waiter.waitFor, waiter, [result]);
      await expect(waiting).rejects.toMatchObject({
        code: "ES_CONFIGURATION",
        message: expect.stringContaining("position"),
      });
      const forever = Reflect.apply(waiter.waitFor, waiter, ["1", { timeoutMs: "x" }]);
      await expect(forever).rejects.toMatchObject({ code: "ES_CONFIGURATION" });
      await expect(Reflect.apply(waiter.stop, waiter, [{ timeoutMs: Number.NaN }])).rejects.toThrow(/timeoutMs/);
    }
    await expect(runner.waitFor("1", { timeoutMs: 1 })).rejects.toThrow(/it was not started/);
  });

  it("replays and discards nothing before it has started", async () => {
    const runner = projections.createProjectionRunner(projection, { store });

    await expect(runner.replayParked("a-1")).rejects.toMatchObject({ code: "ES_PROJECTION_STOPPED" });
    await expect(runner.discardParked("a-1")).rejects.toMatchObject({ code: "ES_PROJECTION_STOPPED" });
  });

  it("names the open transaction when somebody waits for it inside", async () => {
    await using own = await openSqliteEventStore({ path: ":memory:" });
    await using runner = projections.createProjectionRunner(projection, { store: own });
    await using shared = projections.createSharedRunner({ ...projection, name: "shared" }, { store: own });
    await runner.start();
    shared.start();
    await runner.waitFor(await deposit(own, "a-1", 1));
    await shared.waitFor(await own.head());

    const position = await own.transaction(async (tx) => {
      const event = { type: "Deposited", data: { amount: 2 } };
      const appended = await own.append({ streamId: "a-1", expected: "any", events: [event] }, { tx });
      for (const waiter of [runner, shared]) {
        await expect(waiter.waitFor(appended.position, { timeoutMs: 50 })).rejects.toMatchObject({
          code: "ES_WAIT_TIMEOUT",
          message: expect.stringContaining("in a transaction that is still open? Wait behind the commit"),
        });
      }
      return appended.position;
    });

    await runner.waitFor(position);
    await shared.waitFor(position);
  });
});

describe("a time-out", () => {
  it.each([
    { key: "", afterMs: 1 },
    { afterMs: 1 },
    { key: "a", at: "tomorrow" },
    { key: "a", afterMs: "1" },
    { key: "a" },
    5,
  ])("cannot be planned with %j", async (plan) => {
    await using own = createMemoryEventStore();
    const planning = projections.defineProcessManager({
      name: "planning",
      events: accountEvents,
      types: ["Deposited"],
      timeouts: defineEvents({ Late: z.object({}) }),
      handlers: { Deposited: (_event, unit) => Reflect.apply(unit.schedule, unit, [{ type: "Late", data: {} }, plan]) },
      onTimeout: { Late: () => undefined },
    });
    await using runner = projections.createProcessManagerRunner(planning, { store: own, retry: { maxAttempts: 1 } });
    await runner.start();

    const waiting = runner.waitFor(await deposit(own, "a-1", 1));

    await expect(waiting).rejects.toMatchObject({ code: "ES_HANDLER_FAILED", cause: { code: "ES_CONFIGURATION" } });
  });
});

describe("a table of registers that was emptied", () => {
  it("is refused, because every event would be handled again", async () => {
    const database = new Database(":memory:");
    await projections.createSqliteSink(database).registers.set("checkpoint:a", "x");
    database.exec("DELETE FROM es_projection_registers");

    const reading = projections.createSqliteSink(database).registers.get("checkpoint:a");

    await expect(reading).rejects.toMatchObject({
      code: "ES_STORE_FORMAT",
      message: expect.stringMatching(/was emptied.* restore it from a backup/),
    });
    database.close();
  });
});
