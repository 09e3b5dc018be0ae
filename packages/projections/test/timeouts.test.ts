import {
  allEvents,
  createRepository,
  defineAggregate,
  defineEvents,
  type EventStore,
  type TransactionalEventStore,
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
  type ProcessManagerSpec,
  type ProjectionRunner,
} from "../src/index.ts";
import { Reports } from "./reports.ts";
import { VirtualClock } from "./virtual-clock.ts";

const DAY = 86_400_000;
const events = defineEvents({ OrderPlaced: z.object({}), OrderPaid: z.object({}) });
const timeouts = defineEvents({ PaymentOverdue: z.object({ order: z.string(), reminder: z.number() }) });

const Customer = defineAggregate({
  name: "customer",
  events: defineEvents({ Reminded: z.object({ of: z.string() }) }),
  state: z.object({ reminders: z.number() }),
  commands: { Remind: z.object({ of: z.string() }) },
  initialState: () => ({ reminders: 0 }),
  evolve: { Reminded: ({ reminders }) => ({ reminders: reminders + 1 }) },
  decide: { Remind: ({ data }) => ({ type: "Reminded", data }) },
});

/** Reminds of an order that is not paid within three days, twice. */
function reminders(
  store: EventStore<never>,
  onTimeout: () => void = () => undefined,
  onPaid: () => void | Promise<void> = () => undefined,
) {
  const customers = createRepository(store, Customer);
  return defineProcessManager({
    name: "reminders",
    events,
    types: ["OrderPlaced", "OrderPaid"],
    handlers: {
      OrderPlaced: ({ streamId }, unit) => {
        const data = { order: streamId, reminder: 1 };
        unit.schedule({ type: "PaymentOverdue", data }, { key: streamId, afterMs: 3 * DAY });
      },
      OrderPaid: async ({ streamId }, unit) => {
        unit.cancel(streamId);
        await onPaid();
      },
    },
    timeouts,
    onTimeout: {
      PaymentOverdue: async ({ data, key, dueAt }, unit) => {
        await unit.execute(customers, "ada", { type: "Remind", data: { of: `${key}#${data.reminder}` } });
        onTimeout();
        if (data.reminder === 2) return;
        const at = new Date(dueAt.getTime() + DAY);
        unit.schedule({ type: "PaymentOverdue", data: { ...data, reminder: 2 } }, { key, at });
      },
    },
  });
}

/** A store, and a way to run the process manager on it. */
interface Place {
  readonly store: EventStore<never>;
  readonly clock: VirtualClock;
  run(
    options?: Partial<CommonRunnerOptions>,
    onTimeout?: () => void,
  ): Promise<{ readonly runner: ProjectionRunner; readonly reports: Reports }>;
  [Symbol.asyncDispose](): Promise<void>;
}

async function withTransactions(): Promise<Place> {
  const clock = new VirtualClock();
  const store = await openSqliteEventStore({ path: ":memory:", clock: () => clock.now() });
  return placeOf(store, clock, (options, onTimeout) =>
    createProcessManagerRunner(reminders(store, onTimeout), { ...options, store }),
  );
}

async function withoutTransactions(): Promise<Place> {
  const clock = new VirtualClock();
  const store = createMemoryEventStore({ clock: () => clock.now() });
  return placeOf(store, clock, (options, onTimeout) =>
    createProcessManagerRunner(reminders(store, onTimeout), { ...options, store }),
  );
}

function placeOf(
  store: EventStore<never>,
  clock: VirtualClock,
  create: (options: Partial<CommonRunnerOptions>, onTimeout?: () => void) => ProjectionRunner,
): Place {
  return {
    store,
    clock,
    async run(options = {}, onTimeout) {
      const reports = new Reports();
      const runner = create({ clock, onReport: reports.listener, ...options }, onTimeout);
      await runner.start();
      await reports.until("caught-up");
      return { runner, reports };
    },
    async [Symbol.asyncDispose]() {
      await store[Symbol.asyncDispose]();
    },
  };
}

async function order(store: EventStore<unknown>, id: number, type = "OrderPlaced"): Promise<string> {
  return (await store.append({ streamId: `order-${id}`, expected: "any", events: [{ type, data: {} }] })).position;
}

async function reminded(store: EventStore<unknown>): Promise<readonly unknown[]> {
  const of: unknown[] = [];
  for await (const { data } of allEvents(store, { filter: { categories: ["customer"] } })) of.push(data);
  return of;
}

/** Lets time pass in steps, and whoever waits for it act. */
async function pass({ clock }: Place, ms: number): Promise<void> {
  for (let left = ms; left > 0; left -= DAY / 4) {
    clock.advance(Math.min(left, DAY / 4));
    for (let turn = 0; turn < 30; turn += 1) await new Promise((resolve) => setImmediate(resolve));
  }
}

describe.each([
  ["with transactions", withTransactions],
  ["without transactions", withoutTransactions],
] as const)("a time-out on a store %s", (_name, open) => {
  it("is handled once, when it is due and not before, and may plan the next one", async () => {
    await using place = await open();
    const { runner } = await place.run();
    await runner.waitFor(await order(place.store, 1));

    await pass(place, 3 * DAY - 1);
    expect(await reminded(place.store)).toStrictEqual([]);
    await pass(place, 1);
    expect(await reminded(place.store)).toStrictEqual([{ of: "order-1#1" }]);
    await pass(place, 30 * DAY);
    expect(await reminded(place.store)).toStrictEqual([{ of: "order-1#1" }, { of: "order-1#2" }]);
    expect(await listTimeouts(place.store.registers, "reminders")).toStrictEqual([]);
    await runner.stop();
    expect(place.clock.sleeping).toBe(0);
  });

  it("waits while no process runs, and is handled late by the next one", async () => {
    await using place = await open();
    const first = await place.run();
    await first.runner.waitFor(await order(place.store, 1));
    await first.runner.stop();
    expect(await listTimeouts(place.store.registers, "reminders")).toMatchObject([
      { key: "order-1", type: "PaymentOverdue", data: { order: "order-1", reminder: 1 } },
    ]);

    await pass(place, 10 * DAY);
    const second = await place.run();
    await pass(place, DAY);
    await second.runner.stop();
    const third = await place.run();
    await pass(place, DAY);
    await third.runner.stop();

    expect(await reminded(place.store)).toStrictEqual([{ of: "order-1#1" }, { of: "order-1#2" }]);
  });

  it("is cancelled by what happened while no process ran, although it is overdue", async () => {
    await using place = await open();
    const first = await place.run();
    await first.runner.waitFor(await order(place.store, 1));
    await first.runner.stop();
    await order(place.store, 1, "OrderPaid");
    await pass(place, 10 * DAY);

    const second = await place.run({ pageSize: 1 });
    await pass(place, DAY);
    await second.runner.stop();

    expect(await reminded(place.store)).toStrictEqual([]);
    expect(await listTimeouts(place.store.registers, "reminders")).toStrictEqual([]);
  });

  it("is replaced by another one with the same key, and leaves the others alone", async () => {
    await using place = await open();
    const { runner } = await place.run();
    await order(place.store, 1);
    await pass(place, DAY);
    for (let id = 2; id <= 100; id += 1) await order(place.store, id);
    await runner.waitFor(await order(place.store, 1));

    await pass(place, 2.5 * DAY);
    expect(await reminded(place.store)).toHaveLength(0);
    await pass(place, 0.5 * DAY);
    while ((await reminded(place.store)).length < 100) await new Promise((resolve) => setImmediate(resolve));
    await runner.stop();
    const waiting = await listTimeouts(place.store.registers, "reminders");
    expect(waiting.map(({ data }) => data)).toStrictEqual(waiting.map(({ key }) => ({ order: key, reminder: 2 })));
    expect(waiting).toHaveLength(100);
  });

  it("is tried again when its handler fails, and then stops the runner in front of it", async () => {
    await using place = await open();
    let failures = 6;
    const fail = (): void => {
      failures -= 1;
      if (failures >= 0) throw new Error("no");
    };
    const first = await place.run({ retry: { maxAttempts: 2, firstDelayMs: 10 } }, fail);
    await first.runner.waitFor(await order(place.store, 1));
    await pass(place, 4 * DAY);

    await expect(first.runner.done).rejects.toMatchObject({ code: "ES_HANDLER_FAILED", attempts: 2 });
    expect(first.runner.status()).toMatchObject({ state: "failed" });
    const second = await place.run({ retry: { maxAttempts: 10, firstDelayMs: 10 } }, fail);
    await pass(place, 5 * DAY);
    await second.runner.stop();

    expect(await reminded(place.store)).toStrictEqual([{ of: "order-1#1" }, { of: "order-1#2" }]);
  });

  it("is passed over and reported when failures are skipped", async () => {
    await using place = await open();
    const fail = (): void => {
      throw new Error("no");
    };
    const { runner, reports } = await place.run({ retry: { maxAttempts: 1 }, onFailure: "skip" }, fail);
    await runner.waitFor(await order(place.store, 1));

    await pass(place, 4 * DAY);
    await runner.stop();

    expect(await reminded(place.store)).toStrictEqual([]);
    expect(await listTimeouts(place.store.registers, "reminders")).toStrictEqual([]);
    expect(reports.all.find(({ kind }) => kind === "skipped")).toMatchObject({
      event: { type: "PaymentOverdue" },
      error: { message: "no" },
    });
  });

  it("is not handled while the runner is paused", async () => {
    await using place = await open();
    const { runner } = await place.run();
    await runner.waitFor(await order(place.store, 1));
    await runner.pause();
    await pass(place, 5 * DAY);
    expect(await reminded(place.store)).toStrictEqual([]);

    runner.resume();
    await pass(place, DAY);
    await runner.stop();

    expect(await reminded(place.store)).toHaveLength(2);
  });
});

/** Makes every write of a store fail at its n-th call, in front of it or behind it. */
function mortal(dieAt: number, isBehind: boolean) {
  let calls = 0;
  const once = async <Result>(call: () => Promise<Result>): Promise<Result> => {
    calls += 1;
    const isLast = calls === dieAt;
    if (isLast && !isBehind) throw new Error("killed");
    const result = await call();
    if (isLast) throw new Error("killed");
    return result;
  };
  return { once, hasDied: () => calls >= dieAt };
}

async function livesThroughDeath(place: Place, runDying: () => ProjectionRunner): Promise<void> {
  await order(place.store, 1);
  const first = runDying();
  await first.start().catch(() => undefined);
  await pass(place, 3.5 * DAY);
  await first.stop();

  const second = await place.run();
  await pass(place, 10 * DAY);
  await second.runner.stop();

  expect(await reminded(place.store)).toStrictEqual([{ of: "order-1#1" }, { of: "order-1#2" }]);
  expect(await listTimeouts(place.store.registers, "reminders")).toStrictEqual([]);
}

describe.each([false, true])("a process that is killed (behind the write: %s)", (isBehind) => {
  it("leaves its time-outs to the next one, which handles each once, in transactions", async () => {
    let dieAt = 0;
    for (let isComplete = false; !isComplete; ) {
      dieAt += 1;
      await using place = await withTransactions();
      const inner = await storeOf(place);
      const { once, hasDied } = mortal(dieAt, isBehind);
      const store: typeof inner = {
        ...inner,
        transaction: (work, options) => once(() => inner.transaction(work, options)),
      };
      await livesThroughDeath(place, () =>
        createProcessManagerRunner(reminders(inner), { store, clock: place.clock, retry: { maxAttempts: 1 } }),
      );
      isComplete = !hasDied();
    }
    expect(dieAt).toBeGreaterThan(2);
  });

  it("leaves its time-outs to the next one, which handles each once, without transactions", async () => {
    let dieAt = 0;
    for (let isComplete = false; !isComplete; ) {
      dieAt += 1;
      await using place = await withoutTransactions();
      const { once, hasDied } = mortal(dieAt, isBehind);
      const store: EventStore<never> = {
        ...place.store,
        append: (writes, options) => once(() => place.store.append(writes, options)),
        registers: {
          ...place.store.registers,
          set: (key, value, options) => once(() => place.store.registers.set(key, value, options)),
        },
      };
      await livesThroughDeath(place, () =>
        createProcessManagerRunner(reminders(store), { store, clock: place.clock, retry: { maxAttempts: 1 } }),
      );
      isComplete = !hasDied();
    }
    expect(dieAt).toBeGreaterThan(6);
  });
});

async function storeOf(place: Place): Promise<TransactionalEventStore<never>> {
  const { store } = place;
  if ("transaction" in store && isTransactional(store)) return store;
  throw new Error("the store has no transactions");
}

function isTransactional(store: EventStore<never>): store is TransactionalEventStore<never> {
  return store.capabilities.transactions;
}

it("is not handled when it becomes due while the event is handled that cancels it", async () => {
  await using place = await withoutTransactions();
  const { store, clock } = place;
  const entered = Promise.withResolvers<void>();
  const leave = Promise.withResolvers<void>();
  const block = async (): Promise<void> => {
    entered.resolve();
    await leave.promise;
  };
  const runner = createProcessManagerRunner(reminders(store, undefined, block), { store, clock });
  await runner.start();
  await runner.waitFor(await order(store, 1));
  const paid = await order(store, 1, "OrderPaid");
  await entered.promise;
  await pass(place, 4 * DAY);

  leave.resolve();
  await runner.waitFor(paid);
  await pass(place, DAY);
  await runner.stop();

  expect(await reminded(store)).toStrictEqual([]);
});

describe("time-outs", () => {
  it("need a handler, a declaration and a time", async () => {
    await using store = createMemoryEventStore();
    // @ts-expect-error there is no handler for the time-out
    const handled: NonNullable<ReminderSpec["onTimeout"]> = {};
    const declare = (): unknown =>
      defineProcessManager({ name: "a", events, handlers: noHandlers, timeouts, onTimeout: handled });
    expect(declare).toThrow(/no handler in "onTimeout"/);
    const undeclared = defineProcessManager({
      name: "undeclared",
      events,
      types: ["OrderPlaced"],
      handlers: {
        // @ts-expect-error no time-out was declared
        OrderPlaced: (_event, unit) => unit.schedule({ type: "PaymentOverdue", data: {} }, { key: "a", afterMs: 1 }),
      },
    });
    const timeless = defineProcessManager({
      name: "timeless",
      events,
      types: ["OrderPlaced"],
      timeouts,
      onTimeout: { PaymentOverdue: () => undefined },
      handlers: {
        OrderPlaced: ({ streamId }, unit) => {
          const data = { order: streamId, reminder: 1 };
          unit.schedule({ type: "PaymentOverdue", data }, { key: "a", at: new Date(Number.NaN) });
        },
      },
    });
    await order(store, 1);

    for (const [manager, problem] of [
      [undeclared, /declared no "timeouts"/],
      [timeless, /planned for no time/],
    ] as const) {
      await using runner = createProcessManagerRunner(manager, { store, retry: { maxAttempts: 1 } });
      await runner.start();
      await expect(runner.done).rejects.toThrow(problem);
    }
  });

  it("are stored in the form of the first release, and a newer one is refused", async () => {
    await using place = await withoutTransactions();
    const { runner } = await place.run();
    await runner.waitFor(await order(place.store, 1));
    await runner.stop();
    const [key = ""] = await keysOf(place.store);
    const text = (await place.store.registers.get(key))?.value ?? "";

    expect(key).toBe("timeouts:reminders:45");
    expect(JSON.parse(text)).toStrictEqual({
      format: 1,
      timeouts: [
        {
          key: "order-1",
          id: expect.stringMatching(/^[0-9a-f-]{36}:order-1$/),
          type: "PaymentOverdue",
          data: { order: "order-1", reminder: 1 },
          schemaVersion: 1,
          dueAt: place.clock.now() + 3 * DAY,
          correlationId: expect.any(String),
          after: await place.store.head(),
        },
      ],
    });
    await place.store.registers.set(key, text.replace('"format":1', '"format":2'));
    await expect(listTimeouts(place.store.registers, "reminders")).rejects.toMatchObject({ code: "ES_STORE_FORMAT" });
  });
});

type ReminderSpec = ProcessManagerSpec<typeof events.schemas, never, unknown, typeof timeouts.schemas>;
const noHandlers = { OrderPlaced: () => undefined, OrderPaid: () => undefined };

async function keysOf(store: EventStore<unknown>): Promise<readonly string[]> {
  const keys: string[] = [];
  for await (const key of store.registers.keys("timeouts:")) keys.push(key);
  return keys;
}
