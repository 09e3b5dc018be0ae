import { createRepository, defineAggregate, defineEvents } from "@es/core";
import { createMemoryEventStore } from "@es/store-memory";
import { openSqliteEventStore } from "@es/store-sqlite";
import Database from "better-sqlite3";
import { describe, expect, it } from "vitest";
import * as z from "zod";
import {
  atLeastOnce,
  createProcessManagerRunner,
  createProjectionRunner,
  createSqliteSink,
  defineProcessManager,
  defineProjection,
  exactlyOnce,
  listParked,
  type Projection,
  type ProjectionRunner,
} from "../src/index.ts";
import { accountEvents, deposit } from "./accounts.ts";
import { VirtualClock } from "./virtual-clock.ts";

describe("a handler", () => {
  it("that waits for its own runner ends when the time to drain is over, and so does the runner", async () => {
    await using store = createMemoryEventStore();
    await deposit(store, "a-1", 1);
    const entered = Promise.withResolvers<ProjectionRunner>();
    const projection: Projection = defineProjection({
      name: "waiting",
      events: accountEvents,
      types: ["Deposited"],
      handlers: {
        Deposited: async () => {
          entered.resolve(runner);
          await runner.replayParked("b-1");
        },
      },
    });
    const runner: ProjectionRunner = createProjectionRunner(projection, { store });
    await runner.start();
    await entered.promise;
    await new Promise((resolve) => setImmediate(resolve));

    await Promise.all([
      expect(runner.discardParked("a-1")).rejects.toMatchObject({ code: "ES_PROJECTION_STOPPED" }),
      expect(runner.stop({ timeoutMs: 5 })).rejects.toMatchObject({ code: "ES_WAIT_TIMEOUT" }),
    ]);

    await runner.done;
    expect(runner.status()).toMatchObject({ state: "stopped", position: "" });
  });

  it("of a page is not called again for what was done in front of a failure", async () => {
    await using store = createMemoryEventStore();
    await deposit(store, "a-1", 1, 2, 3, 4, 5);
    const seen: number[] = [];
    let failures = 1;
    const projection: Projection = {
      name: "counting",
      delivery: atLeastOnce,
      filter: undefined,
      from: "beginning",
      isSingle: false,
      async apply(events, _context, progress) {
        for (const { version } of events) {
          if (version === 5 && failures-- > 0) throw new Error("not yet");
          seen.push(version);
          progress.handled += 1;
        }
      },
    };
    await using runner = createProjectionRunner(projection, { store, clock: new VirtualClock(5_000) });

    await runner.start();
    await runner.waitFor(await store.head(), { timeoutMs: 100_000 });

    expect(seen).toStrictEqual([1, 2, 3, 4, 5]);
  });
});

const Stock = defineAggregate({
  name: "stock",
  events: defineEvents({ Reserved: z.object({}) }),
  state: z.object({ reserved: z.number() }),
  commands: { Reserve: z.object({}) },
  initialState: () => ({ reserved: 0 }),
  evolve: { Reserved: ({ reserved }) => ({ reserved: reserved + 1 }) },
  decide: { Reserve: () => ({ type: "Reserved", data: {} }) },
});

describe.each([
  ["with transactions", () => openSqliteEventStore({ path: ":memory:" })],
  ["without transactions", async () => createMemoryEventStore()],
])("a handler of a process manager %s", (_kind, open) => {
  it("that does not wait for its command fails, so that no command is lost in silence", async () => {
    await using store = await open();
    const stock = createRepository(store, Stock);
    const manager = defineProcessManager({
      name: "hasty",
      events: accountEvents,
      types: ["Deposited"],
      handlers: {
        Deposited: ({ streamId }, unit) => {
          unit.execute(stock, streamId, { type: "Reserve", data: {} }).catch(() => undefined);
        },
      },
    });
    await deposit(store, "a-1", 1);
    const runner = createProcessManagerRunner(manager, { store, retry: { maxAttempts: 1 } });

    await runner.start();

    await expect(runner.done).rejects.toMatchObject({
      code: "ES_HANDLER_FAILED",
      cause: { code: "ES_CONFIGURATION", message: expect.stringMatching(/await/) },
    });
  });

  it("that plans after its end is told so", async () => {
    await using store = await open();
    const stock = createRepository(store, Stock);
    const late = Promise.withResolvers<unknown>();
    const manager = defineProcessManager({
      name: "late",
      events: accountEvents,
      types: ["Deposited"],
      handlers: {
        Deposited: ({ streamId }, unit) => {
          const after = async (): Promise<void> => {
            await new Promise((resolve) => setImmediate(resolve));
            expect(() => unit.cancel("a")).toThrow(/await/);
            await unit.execute(stock, streamId, { type: "Reserve", data: {} });
          };
          after().catch(late.resolve);
        },
      },
    });
    const position = await deposit(store, "a-1", 1);
    await using runner = createProcessManagerRunner(manager, { store });

    await runner.start();
    await runner.waitFor(position);

    expect(await late.promise).toMatchObject({ code: "ES_CONFIGURATION", message: expect.stringMatching(/await/) });
  });
});

it.each([-1, Number.NaN, "many"])("a lag is not counted up to %s", async (limit) => {
  await using store = createMemoryEventStore();
  const projection = defineProjection({ name: "lagging", events: accountEvents, batch: () => undefined });
  const runner = createProjectionRunner(projection, { store });

  await expect(Reflect.apply(runner.lag, runner, [{ limit }])).rejects.toMatchObject({ code: "ES_CONFIGURATION" });
});

it("a handler that asks the sink for something beside its own transaction is told so, and does not wait for ever", async () => {
  await using store = createMemoryEventStore();
  await deposit(store, "a-1", 1);
  const database = new Database(":memory:");
  const sink = createSqliteSink(database, { timeoutMs: 50 });
  const projection = defineProjection({
    name: "nested",
    events: accountEvents,
    types: ["Deposited"],
    delivery: exactlyOnce<unknown>(),
    handlers: {
      Deposited: async () => {
        await listParked(sink.registers, "nested");
      },
    },
  });
  const runner = createProjectionRunner(projection, { store, sink, storeRetry: { maxAttempts: 2, firstDelayMs: 1 } });
  await runner.start();
  await expect(runner.done).rejects.toMatchObject({
    code: "ES_HANDLER_FAILED",
    cause: { code: "ES_STORE_UNAVAILABLE", message: expect.stringMatching(/passes its tx/) },
  });
  expect(database.inTransaction).toBe(false);
  const controller = new AbortController();
  const busy = sink.transaction(() => new Promise((resolve) => setTimeout(resolve, 20)));
  const aborting = listParked(sink.registers, "nested", { signal: controller.signal });
  controller.abort();
  await expect(aborting).rejects.toMatchObject({ code: "ES_ABORTED" });
  await busy;
  database.close();
});
