import { createMemoryEventStore } from "@es/store-memory";
import Database from "better-sqlite3";
import { describe, expect, it } from "vitest";
import {
  createProjectionRunner,
  createSharedRunner,
  createSqliteSink,
  defineOutbox,
  defineProcessManager,
  defineProjection,
  natsPublisher,
} from "../src/index.ts";
import { accountEvents, deposit } from "./accounts.ts";

const { NaN: NO_NUMBER, POSITIVE_INFINITY: EVER, NEGATIVE_INFINITY: NEVER } = Number;
const spec = {
  name: "limited",
  events: accountEvents,
  types: ["Deposited"],
  handlers: { Deposited: () => undefined },
} as const;
const projection = defineProjection(spec);

describe("a runner refuses", () => {
  const store = createMemoryEventStore();
  const create = (options: object) => () => createProjectionRunner(projection, { store, ...options });
  const share = (options: object) => () => createSharedRunner(projection, { store, ...options });

  it.each([0, -1, NO_NUMBER, EVER, NEVER, 1.5])("a pageSize of %d", (pageSize) => {
    expect(create({ pageSize })).toThrow(/pageSize/);
  });

  it.each([0, -1, NO_NUMBER, "4", null])("%s attempts", (maxAttempts) => {
    expect(create({ retry: { maxAttempts } })).toThrow(/retry.maxAttempts/);
    expect(create({ storeRetry: { maxAttempts } })).toThrow(/storeRetry.maxAttempts/);
  });

  it.each([-1, NO_NUMBER, "4", null])("a wait of %s between attempts", (wait) => {
    expect(create({ retry: { firstDelayMs: wait } })).toThrow(/retry.firstDelayMs/);
    expect(create({ retry: { maxDelayMs: wait } })).toThrow(/retry.maxDelayMs/);
  });

  it.each(["ignore", "", null, 7, {}, { park: null }, { skip: true }])("the policy %j for failures", (onFailure) => {
    expect(create({ onFailure })).toThrow(/onFailure/);
  });

  it.each([0, -1, NO_NUMBER, EVER, 1_001, "4", null])("room for %s parked streams", (maxStreams) => {
    expect(create({ onFailure: { park: { maxStreams } } })).toThrow(/maxStreams/);
  });

  it.each([0, -1, NO_NUMBER, "4", null])("room for %s parked events", (maxEvents) => {
    expect(create({ onFailure: { park: { maxEvents } } })).toThrow(/maxEvents/);
  });

  it.each([0, -1, NO_NUMBER, EVER, NEVER])("leases with the number %d", (number) => {
    expect(share({ partitions: number })).toThrow(/partitions/);
    expect(share({ maxPartitions: number })).toThrow(/maxPartitions/);
    expect(share({ leaseMs: number })).toThrow(/leaseMs/);
    expect(share({ pollMs: number })).toThrow(/pollMs/);
  });

  it("nothing that is undefined", () => {
    const maxAttempts = undefined;
    expect(create({ retry: { maxAttempts }, storeRetry: { maxAttempts } })).not.toThrow();
  });
});

describe("a declaration refuses", () => {
  it("to begin at a time that is none", () => {
    const from = { time: new Date("yesterday") };
    const declared = { name: "timeless", events: accountEvents, from };
    const handlers = { Opened: () => undefined, Deposited: () => undefined };

    expect(() => defineProjection({ ...declared, handlers })).toThrow(/"from"/);
    expect(() => defineProcessManager({ ...declared, handlers })).toThrow(/"from"/);
    expect(() => defineOutbox({ name: "timeless", from, publish: () => undefined })).toThrow(/"from"/);
  });

  it.each([0, -1, NO_NUMBER, EVER, NEVER, 2 ** 31])("a time limit of %d for NATS", (timeoutMs) => {
    const connection = { request: () => Promise.reject(new Error("not asked")) };
    const headers = () => ({ set: () => undefined });
    expect(() => natsPublisher(connection, { headers, timeoutMs })).toThrow(/timeoutMs/);
  });

  it.each([-1, NO_NUMBER, NEVER])("a time limit of %d for SQLite", (timeoutMs) => {
    const database = new Database(":memory:");
    expect(() => createSqliteSink(database, { timeoutMs })).toThrow(/timeoutMs/);
    database.close();
  });
});

describe.each([NO_NUMBER, -1, NEVER])("a time limit of %d", (timeoutMs) => {
  it("is refused by everything that waits", async () => {
    await using store = createMemoryEventStore();
    await using runner = createProjectionRunner(projection, { store });
    await using shared = createSharedRunner(defineProjection({ ...spec, name: "shared" }), { store, partitions: 2 });
    await runner.start();
    shared.start();
    const refusal = { code: "ES_CONFIGURATION" };

    await expect(runner.waitFor("9", { timeoutMs })).rejects.toMatchObject(refusal);
    await expect(runner.pause({ timeoutMs })).rejects.toMatchObject(refusal);
    await expect(runner.stop({ timeoutMs })).rejects.toMatchObject(refusal);
    await expect(shared.waitFor("9", { timeoutMs })).rejects.toMatchObject(refusal);
    await expect(shared.stop({ timeoutMs })).rejects.toMatchObject(refusal);
  });
});

describe("waiting for the position of a save that stored nothing", () => {
  it("waits for nothing, whatever the runner does", async () => {
    await using store = createMemoryEventStore();
    await deposit(store, "a-1", 1);
    const idle = createProjectionRunner(projection, { store });
    const stopped = createProjectionRunner(projection, { store });
    const shared = createSharedRunner(projection, { store, partitions: 3 });
    await stopped.stop();

    for (const runner of [idle, stopped, shared]) {
      await expect(runner.waitFor("", { timeoutMs: 0 })).resolves.toBeUndefined();
    }
  });
});
