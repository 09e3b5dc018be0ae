import { ConcurrencyError, createRepository, type EventStore, manually } from "@es/core";
import { Order } from "./order.ts";
import type { Subject } from "./subject.ts";

/** The toolkit as a program uses it: the store's defaults, and repositories over it. */
export function createToolkitSubject<Tx>(store: EventStore<Tx>): Subject {
  const orders = createRepository(store, Order);
  const ordersWithSnapshots = createRepository(store, Order, { snapshots: { policy: manually() } });

  return {
    append: (streamId, expected, events) => store.append({ streamId, expected, events }),
    async command(streamId, event) {
      for (;;) {
        let expected = 0;
        for await (const [last] of store.readStream(streamId, { direction: "backward", limit: 1 })) {
          expected = last?.version ?? 0;
        }
        try {
          return await store.append({ streamId, expected, events: [event] });
        } catch (error) {
          if (!(error instanceof ConcurrencyError)) throw error;
        }
      }
    },
    async readStream(streamId) {
      let count = 0;
      for await (const page of store.readStream(streamId)) count += page.length;
      return count;
    },
    async readAll(type) {
      let count = 0;
      for await (const page of store.readAll(type === undefined ? {} : { filter: { types: [type] } })) {
        count += page.events.length;
      }
      return count;
    },
    loadOrder: async (id) => (await orders.load(id)).state.events,
    loadOrderFromSnapshot: async (id) => (await ordersWithSnapshots.load(id)).state.events,
    takeSnapshot: async (id) => ordersWithSnapshots.snapshot(await ordersWithSnapshots.load(id)),
    setRegister: (key, value) => store.registers.set(key, value),
    [Symbol.asyncDispose]: () => Promise.resolve(store[Symbol.asyncDispose]()),
  };
}
