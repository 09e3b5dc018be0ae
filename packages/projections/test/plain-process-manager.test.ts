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
import { createProcessManagerRunner, defineProcessManager } from "../src/index.ts";
import { Chance } from "test-helpers";
import { VirtualClock } from "./virtual-clock.ts";

const Moved = z.object({ by: z.string() });
const orderEvents = defineEvents({ OrderPlaced: z.object({ customer: z.string() }) });

/** Counts, and refuses to count the same twice. */
function counter(name: string) {
  return defineAggregate({
    name,
    events: defineEvents({ Moved }),
    state: z.object({ by: z.array(z.string()).readonly() }),
    commands: { Move: Moved },
    initialState: () => ({ by: [] }),
    evolve: { Moved: ({ by }, { data }) => ({ by: [...by, data.by] }) },
    decide: {
      Move: ({ data }, { by }) => {
        if (by.includes(data.by)) throw new Error("moved twice");
        return { type: "Moved", data };
      },
    },
  });
}

const Stock = counter("stock");
const Customer = counter("customer");

/** Moves one stock and the customer for each order. */
function fulfilment(store: EventStore<never>) {
  const stock = createRepository(store, Stock);
  const customers = createRepository(store, Customer);
  return defineProcessManager<typeof orderEvents.schemas, "OrderPlaced", never>({
    name: "fulfilment",
    events: orderEvents,
    types: ["OrderPlaced"],
    handlers: {
      OrderPlaced: async ({ streamId, data }, unit) => {
        await unit.execute(stock, "main", { type: "Move", data: { by: streamId } });
        await unit.execute(customers, data.customer, { type: "Move", data: { by: streamId } });
      },
    },
  });
}

async function place(store: EventStore<unknown>, order: number): Promise<string> {
  const events = [{ type: "OrderPlaced", data: { customer: "ada" } }];
  return (await store.append({ streamId: `order-${order}`, expected: 0, events })).position;
}

/** Who moved what, in order. */
async function moved(store: EventStore<unknown>): Promise<Record<string, readonly unknown[]>> {
  const by: Record<string, unknown[]> = {};
  for await (const { streamId, data, type } of allEvents(store)) {
    if (type === "Moved") (by[streamId] ??= []).push(data);
  }
  return by;
}

/** A store as a process sees it that may be killed, with one stream an append. */
function faulty(store: EventStore<never>, fail: (where: string) => void, atomicStreams = 1): EventStore<never> {
  return {
    ...store,
    capabilities: { ...store.capabilities, atomicStreams },
    async append(writes, options) {
      fail("in front of an append");
      const result = await store.append(writes, options);
      fail("behind an append");
      return result;
    },
    registers: {
      ...store.registers,
      async set(key, value, options) {
        fail("in front of a checkpoint");
        const revision = await store.registers.set(key, value, options);
        fail("behind a checkpoint");
        return revision;
      },
    },
  };
}

describe("a process manager on a store without transactions", () => {
  it.each([1, Number.POSITIVE_INFINITY])(
    "reacts once to each event, wherever it is killed (%d streams an append)",
    async (streams) => {
      let dieAt = 0;
      for (let isComplete = false; !isComplete; ) {
        dieAt += 1;
        await using store = createMemoryEventStore();
        await place(store, 1);
        await place(store, 2);
        let calls = 0;
        const dying = faulty(
          store,
          () => {
            calls += 1;
            if (calls === dieAt) throw new Error("killed");
          },
          streams,
        );
        const first = createProcessManagerRunner(fulfilment(dying), { store: dying, retry: { maxAttempts: 1 } });
        await first.start().catch(() => undefined);
        await first.waitFor(await store.head()).catch(() => undefined);
        await first.stop();

        await using second = createProcessManagerRunner(fulfilment(store), { store });
        await second.start();
        await second.waitFor(await place(store, 3));

        const orders = [1, 2, 3].map((order) => ({ by: `order-${order}` }));
        expect(await moved(store)).toStrictEqual({ "stock-main": orders, "customer-ada": orders });
        isComplete = calls < dieAt;
      }
      expect(dieAt).toBeGreaterThan(8);
    },
  );

  it("reacts once to each event in a life of outages, lost answers and other writers", async () => {
    for (let seed = 1; seed <= 100; seed += 1) {
      const chance = new Chance(seed);
      await using store = createMemoryEventStore();
      let faults = 0.15;
      const flaky = faulty(store, (where) => {
        if (chance.happens(faults)) {
          throw where.startsWith("behind") ? new UnknownOutcomeError(where) : new StoreUnavailableError(where);
        }
      });
      const clock = new VirtualClock(60_000);
      const others = createRepository(store, Stock);
      for (let order = 1; order <= 8; order += 1) await place(store, order);
      for (let life = 0; life < 4; life += 1) {
        if (life === 3) faults = 0;
        const runner = createProcessManagerRunner(fulfilment(flaky), { store: flaky, clock, random: chance.next });
        await runner.start().catch(() => undefined);
        // Somebody else moves the same stock meanwhile.
        await others.execute("main", { type: "Move", data: { by: `other-${life}` } });
        const goal = life === 3 ? await store.head() : "";
        for (let turn = chance.below(40); turn > 0; turn -= 1) await new Promise((resolve) => setImmediate(resolve));
        await runner.waitFor(goal, { timeoutMs: 1_000_000 });
        await runner.stop();
      }

      const { "stock-main": stock = [], "customer-ada": customer = [] } = await moved(store);
      const orders = Array.from({ length: 8 }, (_, order) => ({ by: `order-${order + 1}` }));
      expect(customer).toStrictEqual(orders);
      expect(stock).toHaveLength(12);
      expect(stock).toEqual(expect.arrayContaining(orders));
    }
  }, 60_000);

  it("says that events may come again, and tries again when somebody else was faster", async () => {
    await using store = createMemoryEventStore();
    const stock = createRepository(store, Stock);
    let races = 3;
    const manager = defineProcessManager<typeof orderEvents.schemas, "OrderPlaced", never>({
      name: "racing",
      events: orderEvents,
      types: ["OrderPlaced"],
      handlers: {
        OrderPlaced: async ({ streamId }, unit) => {
          await unit.execute(stock, "main", { type: "Move", data: { by: streamId } });
          races -= 1;
          if (races >= 0) await stock.execute("main", { type: "Move", data: { by: `race-${races}` } });
        },
      },
    });
    await using runner = createProcessManagerRunner(manager, { store, retry: { maxAttempts: 1 } });
    await runner.start();
    await runner.waitFor(await place(store, 1));

    expect(runner.guarantee).toBe("at-least-once");
    expect(await moved(store)).toStrictEqual({
      "stock-main": ["race-2", "race-1", "race-0", "order-1"].map((by) => ({ by })),
    });
  });
});
