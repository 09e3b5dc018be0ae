import {
  allEvents,
  createRepository,
  defineAggregate,
  defineEvents,
  type EventStore,
  StoreUnavailableError,
  UnknownOutcomeError,
} from "@es/core";
import { createMemoryEventStore } from "@es/store-memory";
import { describe, expect, it } from "vitest";
import * as z from "zod";
import { createProcessManagerRunner, defineProcessManager, listTimeouts, type ProjectionRunner } from "../src/index.ts";
import { Chance } from "test-helpers";
import { Process } from "./simulation.ts";
import { VirtualClock } from "./virtual-clock.ts";

const only = process.env["SEED"];
const seeds = only === undefined ? Array.from({ length: 300 }, (_, n) => n + 1) : [Number(only)];
const MINUTE = 60_000;
const START_MS = new VirtualClock().now();
const By = z.object({ by: z.string() });

/** Notes what was done to it, and refuses nothing, so that a repetition shows. */
function ledger(name: string) {
  return defineAggregate({
    name,
    events: defineEvents({ Noted: By }),
    state: z.object({ count: z.number() }),
    commands: { Note: By },
    initialState: () => ({ count: 0 }),
    evolve: { Noted: ({ count }) => ({ count: count + 1 }) },
    decide: { Note: ({ data }) => ({ type: "Noted", data }) },
  });
}

const Stock = ledger("stock");
const Customer = ledger("customer");
const Reminder = ledger("reminder");
const orderEvents = defineEvents({ Placed: z.object({}), Paid: z.object({}) });

function shop(store: EventStore<never>, chance: Chance, isFaulty: () => boolean) {
  const stock = createRepository(store, Stock);
  const customers = createRepository(store, Customer);
  const reminders = createRepository(store, Reminder);
  const fail = (): void => {
    if (isFaulty() && chance.happens(0.1)) throw new Error("a bad moment");
  };
  return defineProcessManager<typeof orderEvents.schemas, "Placed" | "Paid", never, typeof timeouts.schemas>({
    name: "shop",
    events: orderEvents,
    categories: ["order"],
    timeouts,
    handlers: {
      Placed: async ({ streamId }, unit) => {
        await unit.execute(stock, "main", { type: "Note", data: { by: streamId } });
        fail();
        await unit.execute(customers, "ada", { type: "Note", data: { by: streamId } });
        unit.schedule({ type: "Overdue", data: { round: 1 } }, { key: streamId, afterMs: 10 * MINUTE });
      },
      Paid: async ({ streamId }, unit) => {
        fail();
        await unit.execute(customers, "ada", { type: "Note", data: { by: `${streamId} paid` } });
        unit.cancel(streamId);
      },
    },
    onTimeout: {
      Overdue: async ({ key, data: { round } }, unit) => {
        fail();
        await unit.execute(reminders, "all", { type: "Note", data: { by: `${key}#${round}` } });
        if (round < 3) {
          unit.schedule({ type: "Overdue", data: { round: round + 1 } }, { key, afterMs: MINUTE });
        }
      },
    },
  });
}

const timeouts = defineEvents({ Overdue: z.object({ round: z.number() }) });

/** The store as a process sees it that may be paused or killed at every call. */
function seenBy(process: Process, store: EventStore<never>, chance: Chance, faults: () => number): EventStore<never> {
  const before = async (): Promise<void> => {
    await process.step();
    if (chance.happens(faults())) throw new StoreUnavailableError("away");
  };
  const behind = async (): Promise<void> => {
    await process.step();
    if (chance.happens(faults())) throw new UnknownOutcomeError("the answer was lost");
  };
  return {
    ...store,
    capabilities: { ...store.capabilities, atomicStreams: 1 },
    async append(writes, options) {
      await before();
      const result = await store.append(writes, options);
      await behind();
      return result;
    },
    async *readAll(options) {
      for await (const page of store.readAll(options)) {
        await before();
        yield page;
      }
    },
    async *readStream(streamId, options) {
      await before();
      yield* store.readStream(streamId, options);
    },
    async head(options) {
      await before();
      return store.head(options);
    },
    registers: {
      ...store.registers,
      async get(key, options) {
        await before();
        return store.registers.get(key, options);
      },
      async set(key, value, options) {
        await before();
        const revision = await store.registers.set(key, value, options);
        await behind();
        return revision;
      },
    },
  };
}

async function turns(count: number): Promise<void> {
  for (let n = 0; n < count; n += 1) await new Promise((resolve) => setImmediate(resolve));
}

async function noted(store: EventStore<unknown>, category: string): Promise<readonly string[]> {
  const all: string[] = [];
  for await (const { data } of allEvents(store, { filter: { categories: [category] } })) {
    all.push(By.parse(data).by);
  }
  return all;
}

async function live(seed: number): Promise<void> {
  const chance = new Chance(seed);
  const clock = new VirtualClock(30_000);
  await using store = createMemoryEventStore({ clock: () => clock.now() });
  let faults = 0.05;
  const start = (process: Process): ProjectionRunner => {
    const own = seenBy(process, store, chance, () => faults);
    return createProcessManagerRunner(
      shop(own, chance, () => faults > 0),
      { store: own, clock, random: chance.next, pageSize: 1 + chance.below(4), retry: { maxAttempts: 20 } },
    );
  };
  const placed: string[] = [];
  const paid = new Set<string>();
  const append = async (streamId: string, type: string): Promise<void> => {
    await store.append({ streamId, expected: "any", events: [{ type, data: {} }] });
  };
  const alive = new Set<Process>();
  for (let round = 0; round < 4; round += 1) {
    for (let n = chance.below(4); n > 0; n -= 1) {
      placed.push(`order-${placed.length + 1}`);
      await append(`order-${placed.length}`, "Placed");
    }
    const candidate = placed[chance.below(placed.length)];
    // Paid before any reminder can be due.
    if (candidate !== undefined && !paid.has(candidate) && round < 2 && clock.now() === START_MS) {
      paid.add(candidate);
      await append(candidate, "Paid");
    }
    const process = new Process();
    alive.add(process);
    const runner = start(process);
    runner.start().catch(() => undefined);
    await turns(chance.below(60));
    const fate = chance.below(4);
    if (fate === 0) process.kill();
    if (fate === 1) process.pause();
    if (fate === 2) runner.stop().catch(() => undefined);
    if (round >= 1) clock.advance(chance.below(12) * MINUTE);
    await turns(chance.below(60));
    for (const other of alive) if (chance.happens(0.5)) other.wake();
  }
  for (const process of alive) process.wake();
  await turns(chance.below(40));
  for (const process of alive) process.kill();
  faults = 0;
  const last = start(new Process());
  await last.start();
  await last.waitFor(await store.head(), { timeoutMs: 1e9 });
  for (let minute = 0; minute < 20; minute += 1) {
    clock.advance(MINUTE);
    await turns(40);
  }
  await last.stop();

  expect((await noted(store, "stock")).toSorted()).toStrictEqual(placed.toSorted());
  expect((await noted(store, "customer")).toSorted()).toStrictEqual(
    [...placed, ...[...paid].map((order) => `${order} paid`)].toSorted(),
  );
  const reminders = await noted(store, "reminder");
  expect(new Set(reminders).size).toBe(reminders.length);
  for (const order of placed) {
    const own = reminders.filter((by) => by.startsWith(`${order}#`));
    expect(own).toStrictEqual(paid.has(order) ? [] : [1, 2, 3].map((round) => `${order}#${round}`));
  }
  expect(await listTimeouts(store.registers, "shop")).toStrictEqual([]);
}

describe("a process manager without transactions, with faults, pauses and crashes everywhere,", () => {
  for (let first = 0; first < seeds.length; first += 100) {
    const group = seeds.slice(first, first + 100);
    it(`does once what each event and time-out leads to, seeds ${group[0]} to ${group.at(-1)}`, async () => {
      for (const seed of group) {
        await live(seed).catch((cause: unknown) => {
          throw new Error(`seed ${seed}`, { cause });
        });
      }
    }, 120_000);
  }
});
