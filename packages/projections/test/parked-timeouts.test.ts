import {
  allEvents,
  createRepository,
  defineAggregate,
  defineEvents,
  type EventStore,
  StoreUnavailableError,
} from "@es/core";
import { createMemoryEventStore } from "@es/store-memory";
import { openSqliteEventStore } from "@es/store-sqlite";
import { describe, expect, it } from "vitest";
import * as z from "zod";
import {
  type CommonRunnerOptions,
  createProcessManagerRunner,
  defineProcessManager,
  listTimeouts,
  type ProcessManagerRunner,
} from "../src/index.ts";
import { Reports } from "./reports.ts";
import { VirtualClock } from "./virtual-clock.ts";

const DAY = 86_400_000;
const events = defineEvents({ OrderPlaced: z.object({}), OrderPaid: z.object({}) });

const Order = defineAggregate({
  name: "cancellation",
  events: defineEvents({ Cancelled: z.object({}) }),
  state: z.object({}),
  commands: { Cancel: z.object({}) },
  initialState: () => ({}),
  evolve: { Cancelled: (state) => state },
  decide: { Cancel: () => ({ type: "Cancelled", data: {} }) },
});

/** Cancels an order that is not paid within three days. What `refuse` throws is the answer to the command. */
function payments(store: EventStore<never>, refuse: (key: string) => void) {
  const orders = createRepository(store, Order);
  return defineProcessManager({
    name: "payments",
    events,
    categories: ["order"],
    timeouts: defineEvents({ PaymentOverdue: z.object({}) }),
    handlers: {
      OrderPlaced: ({ streamId }, unit) =>
        unit.schedule({ type: "PaymentOverdue", data: {} }, { key: streamId, afterMs: 3 * DAY }),
      OrderPaid: ({ streamId }, unit) => unit.cancel(streamId),
    },
    onTimeout: {
      PaymentOverdue: async ({ key }, unit) => {
        await unit.execute(orders, key, { type: "Cancel", data: {} });
        refuse(key);
      },
    },
  });
}

async function openPlace(hasTransactions: boolean) {
  const clock = new VirtualClock();
  const time = { clock: () => clock.now() };
  const store = hasTransactions
    ? await openSqliteEventStore({ path: ":memory:", ...time })
    : createMemoryEventStore(time);
  /** What is refused. */
  const refused = new Set<string>();
  const refuse = (key: string): void => {
    if (refused.has(key)) throw new Error(`${key} is refused`);
  };
  return {
    store,
    clock,
    refused,
    async run(options: Partial<CommonRunnerOptions> = {}, refusal = refuse) {
      const reports = new Reports();
      const runner = createProcessManagerRunner(payments(store, refusal), {
        clock,
        onReport: reports.listener,
        onFailure: "park",
        retry: { maxAttempts: 1 },
        ...options,
        store,
      });
      await runner.start();
      await reports.until("caught-up");
      return { runner, reports };
    },
    async place(...ids: readonly number[]): Promise<string> {
      let position = "";
      for (const id of ids) position = await append(store, id, "OrderPlaced");
      return position;
    },
    pay: (id: number) => append(store, id, "OrderPaid"),
    waiting: () => listTimeouts(store.registers, "payments"),
    async cancelled(): Promise<readonly string[]> {
      const ids: string[] = [];
      for await (const { streamId } of allEvents(store, { filter: { categories: ["cancellation"] } }))
        ids.push(streamId);
      return ids.map((id) => id.slice("cancellation-".length));
    },
    /** Lets days pass in steps, and whoever waits for them act. */
    async pass(days: number): Promise<void> {
      for (let day = 0; day < days; day += 1) {
        clock.advance(DAY);
        for (let turn = 0; turn < 60; turn += 1) await new Promise((resolve) => setImmediate(resolve));
      }
    },
    [Symbol.asyncDispose]: () => store[Symbol.asyncDispose](),
  };
}

async function append(store: EventStore<never>, id: number, type: string): Promise<string> {
  return (await store.append({ streamId: `order-${id}`, expected: "any", events: [{ type, data: {} }] })).position;
}

describe.each([
  ["with transactions", true],
  ["without transactions", false],
] as const)("a time-out that fails too often on a store %s", (_name, hasTransactions) => {
  it("is parked, the others go on, and it is handled once when it is replayed", async () => {
    await using place = await openPlace(hasTransactions);
    place.refused.add("order-1");
    const { runner, reports } = await place.run({ retry: { maxAttempts: 2, firstDelayMs: 0 } });
    await runner.waitFor(await place.place(1, 2, 3));
    // On the third day, and again on the next one.
    await place.pass(4);

    expect(await place.cancelled()).toStrictEqual(["order-2", "order-3"]);
    expect(await place.waiting()).toMatchObject([
      { key: "order-1", parked: { attempts: 2, error: "order-1 is refused", parkedAt: place.clock.now() } },
    ]);
    expect(reports.all.filter(({ kind }) => kind === "parked")).toMatchObject([
      {
        event: { type: "PaymentOverdue", streamId: "timeout-order-1" },
        error: { message: "order-1 is refused" },
        attempts: 2,
      },
    ]);
    expect(runner.status()).toMatchObject({ state: "live", isHealthy: false, parkedTimeouts: 1, parkedStreams: 0 });
    await place.pass(5);
    expect(reports.kinds.filter((kind) => kind === "parked")).toHaveLength(1);

    const failing = runner.replayTimeouts().catch((error: unknown) => error);
    // It begins on the first day, and tries again on the second.
    await place.pass(2);
    expect(await failing).toMatchObject({ code: "ES_HANDLER_FAILED" });
    expect(await place.waiting()).toMatchObject([{ parked: { attempts: 4 } }]);
    expect(runner.status().state).toBe("live");
    place.refused.clear();
    expect(await runner.replayTimeouts()).toBe(1);
    expect(await runner.replayTimeouts()).toBe(0);

    expect(await place.cancelled()).toStrictEqual(["order-2", "order-3", "order-1"]);
    expect(await place.waiting()).toStrictEqual([]);
    await place.pass(1);
    expect(runner.status()).toMatchObject({ state: "live", isHealthy: true, parkedTimeouts: 0 });
    await runner.stop();
    expect(place.clock.sleeping).toBe(0);
  });

  it("stays parked over a restart, and is discarded, cancelled or replaced as any other", async () => {
    await using place = await openPlace(hasTransactions);
    for (const id of [1, 2, 3, 4]) place.refused.add(`order-${id}`);
    const first = await place.run();
    await first.runner.waitFor(await place.place(1, 2, 3, 4));
    await place.pass(4);
    await first.runner.stop();

    const { runner } = await place.run();
    await place.pass(2);
    expect((await place.waiting()).map(({ parked }) => parked?.attempts)).toStrictEqual([1, 1, 1, 1]);
    expect(runner.status()).toMatchObject({ state: "live", isHealthy: false, parkedTimeouts: 4 });
    expect([await runner.discardTimeout("order-1"), await runner.discardTimeout("order-1")]).toStrictEqual([
      true,
      false,
    ]);
    place.refused.clear();
    await place.pay(2);
    await place.place(3);
    expect(await runner.replayTimeouts()).toBe(1);
    expect(await place.cancelled()).toStrictEqual(["order-4"]);
    await place.pass(4);

    expect(await place.cancelled()).toStrictEqual(["order-4", "order-3"]);
    expect(await place.waiting()).toStrictEqual([]);
    await runner.stop();
  });

  it("is replayed by its key, and not one that is not parked", async () => {
    await using place = await openPlace(hasTransactions);
    for (const id of [1, 2]) place.refused.add(`order-${id}`);
    const { runner } = await place.run();
    await runner.waitFor(await place.place(1, 2));
    await place.pass(4);
    place.refused.clear();
    await place.place(3);

    expect(await runner.replayTimeouts("order-2")).toBe(1);
    expect(await runner.replayTimeouts("order-3")).toBe(0);
    expect(await runner.discardTimeout("order-3")).toBe(false);

    expect(await place.cancelled()).toStrictEqual(["order-2"]);
    expect((await place.waiting()).map(({ key }) => key)).toStrictEqual(["order-1", "order-3"]);
    await runner.stop();
  });

  it("stops the runner when no more may be held back, and nothing is lost", async () => {
    await using place = await openPlace(hasTransactions);
    for (const id of [1, 2]) place.refused.add(`order-${id}`);
    const { runner } = await place.run({ onFailure: { park: { maxStreams: 1 } } });
    await runner.waitFor(await place.place(1, 2));
    await place.pass(4);

    await expect(runner.done).rejects.toMatchObject({ code: "ES_PARKING_FULL", streams: 2 });
    expect((await place.waiting()).map(({ parked }) => parked !== undefined)).toStrictEqual([true, false]);
    place.refused.clear();
    const next = await place.run();
    await place.pass(1);
    await next.runner.replayTimeouts();
    await next.runner.stop();

    expect(await place.cancelled()).toStrictEqual(["order-2", "order-1"]);
  });

  it.each(["park", "skip"] as const)("is kept when it was an outage and failures are to %s", async (onFailure) => {
    await using place = await openPlace(hasTransactions);
    const { runner } = await place.run({ onFailure, storeRetry: { maxAttempts: 1 } }, () => {
      throw new StoreUnavailableError("away");
    });
    await runner.waitFor(await place.place(1));
    await place.pass(4);

    await expect(runner.done).rejects.toMatchObject({ cause: { code: "ES_STORE_UNAVAILABLE" } });
    const waiting = await place.waiting();
    expect(waiting).toMatchObject([{ key: "order-1" }]);
    expect(waiting[0]).not.toHaveProperty("parked");
  });

  it("is neither replayed nor discarded by a runner that does not run", async () => {
    await using place = await openPlace(hasTransactions);
    const idle = createProcessManagerRunner(
      payments(place.store, () => undefined),
      { store: place.store },
    );
    const { runner: stopped } = await place.run();
    await stopped.stop();

    for (const runner of [idle, stopped] satisfies readonly ProcessManagerRunner[]) {
      await expect(runner.replayTimeouts()).rejects.toMatchObject({ code: "ES_PROJECTION_STOPPED" });
      await expect(runner.discardTimeout("order-1")).rejects.toMatchObject({ code: "ES_PROJECTION_STOPPED" });
    }
    const { runner: paused } = await place.run();
    await paused.pause();
    await expect(paused.replayTimeouts()).rejects.toThrow(/paused.*resume/);
    await paused.stop();
  });
});

it("is stored in the form of the first release", async () => {
  await using place = await openPlace(false);
  place.refused.add("order-1");
  const { runner } = await place.run();
  await runner.waitFor(await place.place(1));
  await place.pass(4);
  await runner.stop();

  const key = "timeouts:payments:45";
  const { format, timeouts } = JSON.parse((await place.store.registers.get(key))?.value ?? "{}");
  expect(format).toBe(1);
  expect(timeouts[0]).toHaveProperty("parked", {
    attempts: 1,
    error: "order-1 is refused",
    parkedAt: place.clock.now() - DAY,
  });
  await place.store.registers.set(key, JSON.stringify({ format, timeouts: [{ ...timeouts[0], parked: "later" }] }));
  await expect(place.waiting()).rejects.toMatchObject({ code: "ES_STORE_FORMAT" });
});
