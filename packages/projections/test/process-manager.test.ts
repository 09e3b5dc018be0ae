import {
  allEvents,
  createRepository,
  defineAggregate,
  defineEvents,
  type EventStore,
  type RecordedEvent,
  type TransactionalEventStore,
} from "@es/core";
import { openSqliteEventStore, type SqliteDatabase } from "@es/store-sqlite";
import { describe, expect, it } from "vitest";
import * as z from "zod";
import { createProcessManagerRunner, defineProcessManager, type ProcessManager } from "../src/index.ts";
import { temporaryDirectory } from "./temporary-file.ts";
import { VirtualClock } from "./virtual-clock.ts";

const orderEvents = {
  OrderPlaced: z.object({ customer: z.string() }),
  StockReserved: z.object({ order: z.string() }),
  CustomerGreeted: z.object({ orders: z.number() }),
};
const family = defineEvents(orderEvents);

const Stock = defineAggregate({
  name: "stock",
  events: defineEvents({ StockReserved: orderEvents.StockReserved }),
  state: z.object({ reserved: z.array(z.string()).readonly() }),
  commands: { Reserve: z.object({ order: z.string() }) },
  initialState: () => ({ reserved: [] }),
  evolve: { StockReserved: (state, { data }) => ({ reserved: [...state.reserved, data.order] }) },
  decide: {
    Reserve: ({ data }, state) => {
      if (state.reserved.includes(data.order)) throw new Error("reserved twice");
      return { type: "StockReserved", data };
    },
  },
});

const Customer = defineAggregate({
  name: "customer",
  events: defineEvents({ CustomerGreeted: orderEvents.CustomerGreeted }),
  state: z.object({ orders: z.number() }),
  commands: { Greet: z.object({}) },
  initialState: () => ({ orders: 0 }),
  evolve: { CustomerGreeted: (_state, { data }) => ({ orders: data.orders }) },
  decide: { Greet: (_command, state) => ({ type: "CustomerGreeted", data: { orders: state.orders + 1 } }) },
});

/** Reserves stock and greets the customer for every order, in one step. */
function fulfilment(
  store: TransactionalEventStore<SqliteDatabase>,
  onOrder: (order: string) => void = () => undefined,
): ProcessManager<SqliteDatabase> {
  const stock = createRepository(store, Stock);
  const customers = createRepository(store, Customer);
  return defineProcessManager({
    name: "fulfilment",
    events: family,
    types: ["OrderPlaced"],
    handlers: {
      OrderPlaced: async ({ streamId, data }, unit) => {
        await unit.execute(stock, "main", { type: "Reserve", data: { order: streamId } });
        await unit.execute(customers, data.customer, { type: "Greet", data: {} });
        onOrder(streamId);
      },
    },
  });
}

async function place(store: EventStore<unknown>, ...orders: string[]): Promise<string> {
  let position = "";
  for (const order of orders) {
    const events = [{ type: "OrderPlaced", data: { customer: "ada" }, metadata: { correlationId: `c-${order}` } }];
    ({ position } = await store.append({ streamId: `order-${order}`, expected: 0, events }));
  }
  return position;
}

async function logOf(store: EventStore<unknown>, category: string): Promise<readonly RecordedEvent[]> {
  const log: RecordedEvent[] = [];
  for await (const event of allEvents(store, { filter: { categories: [category] } })) log.push(event);
  return log;
}

describe("a process manager", () => {
  it("reacts to every event once, with the state of one event behind it, and says what caused what", async () => {
    await using store = await openSqliteEventStore({ path: ":memory:" });
    await place(store, "1", "2");
    await using runner = createProcessManagerRunner(fulfilment(store), { store });

    await runner.start();
    await runner.waitFor(await place(store, "3"));

    const reserved = await logOf(store, "stock");
    const greeted = await logOf(store, "customer");
    const orders = await logOf(store, "order");
    expect(reserved.map(({ data }) => data)).toStrictEqual(
      ["1", "2", "3"].map((order) => ({ order: `order-${order}` })),
    );
    expect(greeted.map(({ data }) => data)).toStrictEqual([1, 2, 3].map((count) => ({ orders: count })));
    expect(reserved.map(({ metadata }) => metadata)).toMatchObject(
      orders.map(({ id }, n) => ({ causationId: id, correlationId: `c-${n + 1}` })),
    );
  });

  it("reacts once although it fails, is stopped and started again", async () => {
    await using directory = await temporaryDirectory();
    await using store = await openSqliteEventStore({ path: directory.path("events.db") });
    await place(store, "1", "2", "3");
    const clock = new VirtualClock(5_000);
    const failing = createProcessManagerRunner(
      fulfilment(store, (order) => {
        if (order === "order-2") throw new Error("no");
      }),
      { store, clock },
    );
    await failing.start();
    await expect(failing.done).rejects.toMatchObject({ code: "ES_HANDLER_FAILED", event: { streamId: "order-2" } });
    expect(await logOf(store, "stock")).toHaveLength(1);
    expect(await logOf(store, "customer")).toHaveLength(1);

    await using mended = createProcessManagerRunner(fulfilment(store), { store, clock });
    await mended.start();
    await mended.waitFor(await store.head());

    expect((await logOf(store, "stock")).map(({ version }) => version)).toStrictEqual([1, 2, 3]);
    expect((await logOf(store, "customer")).map(({ data }) => data)).toStrictEqual(
      [1, 2, 3].map((count) => ({ orders: count })),
    );
  });

  it("may react to what it led to itself", async () => {
    await using store = await openSqliteEventStore({ path: ":memory:" });
    const customers = createRepository(store, Customer);
    const chain = defineProcessManager({
      name: "chain",
      events: family,
      types: ["OrderPlaced", "CustomerGreeted"],
      handlers: {
        OrderPlaced: ({ data }, unit) => unit.execute(customers, data.customer, { type: "Greet", data: {} }),
        CustomerGreeted: async ({ data }, unit) => {
          if (data.orders >= 5) return;
          const customer = await unit.load(customers, "ada");
          customer.execute({ type: "Greet", data: {} });
        },
      },
    });
    await using runner = createProcessManagerRunner(chain, { store });
    await runner.start();
    await runner.waitFor(await place(store, "1"));

    for (let head = ""; head !== (await store.head()); ) {
      head = await store.head();
      await runner.waitFor(head);
    }

    expect(await customers.version("ada")).toBe(5);
  });

  it("parks an order whose command is refused, and others go on", async () => {
    await using store = await openSqliteEventStore({ path: ":memory:" });
    await createRepository(store, Stock).execute("main", { type: "Reserve", data: { order: "order-1" } });
    const clock = new VirtualClock(5_000);
    await using runner = createProcessManagerRunner(fulfilment(store), { store, clock, onFailure: "park" });

    await runner.start();
    await runner.waitFor(await place(store, "1", "2"));

    expect(runner.parked()).toMatchObject([{ streamId: "order-1", error: "reserved twice" }]);
    expect(await logOf(store, "stock")).toHaveLength(2);
    expect(await logOf(store, "customer")).toHaveLength(1);
  });
});
