import {
  allEvents,
  createRepository,
  defineAggregate,
  defineEvents,
  type EventStore,
  type TransactionalEventStore,
} from "@es/core";
import { defineProcessManager, type ProcessManager } from "@es/projections";
import * as z from "zod";

const AboutOrder = z.object({ order: z.string() });

const Customer = defineAggregate({
  name: "customer",
  events: defineEvents({ Notified: AboutOrder, Reminded: AboutOrder }),
  state: z.object({}),
  commands: { Notify: AboutOrder, Remind: AboutOrder },
  initialState: () => ({}),
  evolve: { Notified: (state) => state, Reminded: (state) => state },
  decide: {
    Notify: ({ data }) => ({ type: "Notified", data }),
    Remind: ({ data }) => ({ type: "Reminded", data }),
  },
});

/** Notifies of each order once, and reminds of it once a moment later. A few customers have all the orders. */
export function fulfilment<Tx>(store: EventStore<Tx> | TransactionalEventStore<Tx>): ProcessManager<Tx> {
  const customers = createRepository(store, Customer);
  return defineProcessManager({
    name: "fulfilment",
    events: defineEvents({ OrderPlaced: z.object({ customer: z.string() }) }),
    categories: ["order"],
    timeouts: defineEvents({ NotPaid: z.object({ customer: z.string() }) }),
    handlers: {
      OrderPlaced: async ({ streamId, data }, unit) => {
        await unit.execute(customers, data.customer, { type: "Notify", data: { order: streamId } });
        unit.schedule({ type: "NotPaid", data }, { key: streamId, afterMs: 20 });
      },
    },
    onTimeout: {
      NotPaid: ({ key, data }, unit) =>
        unit.execute(customers, data.customer, { type: "Remind", data: { order: key } }),
    },
  });
}

/** Places orders with these numbers. */
export async function placeOrders(store: EventStore<unknown>, numbers: readonly number[]): Promise<void> {
  for (const number of numbers) {
    const events = [{ type: "OrderPlaced", data: { customer: String(number % 3) } }];
    await store.append({ streamId: `order-${number}`, expected: "no-stream", events });
  }
}

/** What customers were told, in words. */
export async function toldCustomers(store: EventStore<unknown>): Promise<readonly string[]> {
  const told: string[] = [];
  for await (const { type, data } of allEvents(store, { filter: { categories: ["customer"] } })) {
    told.push(`${type} of ${AboutOrder.parse(data).order}`);
  }
  return told.toSorted();
}

/** What customers must have been told of orders with numbers up to a number. */
export function owedToCustomers(orders: number): readonly string[] {
  return Array.from({ length: orders }, (_, number) => [`Notified of order-${number}`, `Reminded of order-${number}`])
    .flat()
    .toSorted();
}

/** Resolves when customers were reminded of so many orders. */
export async function remindedOf(store: EventStore<unknown>, orders: number): Promise<void> {
  const reminded = new Set<string>();
  for await (const { events } of store.readAll({ filter: { types: ["Reminded"] }, live: true })) {
    for (const { data } of events) reminded.add(AboutOrder.parse(data).order);
    if (reminded.size >= orders) return;
  }
}
