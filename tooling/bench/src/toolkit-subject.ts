import { ConcurrencyError, createRepository, type EventStore, isEventSourcingError, manually } from "@es/core";
import { countProjected } from "./count-projected.ts";
import { Order } from "./order.ts";
import type { Subject } from "./subject.ts";

/** The toolkit as a program uses it: the store's defaults, and repositories over it. */
export function createToolkitSubject<Tx>(store: EventStore<Tx>): Subject {
  const orders = createRepository(store, Order);
  const ordersWithSnapshots = createRepository(store, Order, { snapshots: { policy: manually() } });

  const live = followLog(store);

  return {
    async appendAndSee(streamId, expected, event) {
      live.start();
      const seen = live.shows(event.id);
      await store.append({ streamId, expected, events: [event] });
      await seen;
    },
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
    project: () => countProjected(store),
    loadOrder: async (id) => (await orders.load(id)).state.events,
    loadOrderFromSnapshot: async (id) => (await ordersWithSnapshots.load(id)).state.events,
    takeSnapshot: async (id) => ordersWithSnapshots.snapshot(await ordersWithSnapshots.load(id)),
    setRegister: (key, value) => store.registers.set(key, value),
    [Symbol.asyncDispose]: () => Promise.resolve(store[Symbol.asyncDispose]()),
  };
}

/** A live read, once it is started. It ends when the store is closed. */
function followLog<Tx>(store: EventStore<Tx>): { start(): void; shows(id: string): Promise<void> } {
  const waiting = new Map<string, () => void>();
  let running: Promise<void> | undefined;
  const follow = async (): Promise<void> => {
    for await (const { events } of store.readAll({ live: true })) {
      for (const { id } of events) waiting.get(id)?.();
    }
  };
  return {
    start() {
      running ??= follow().catch((error: unknown) => {
        if (!isEventSourcingError(error, "ES_STORE_CLOSED")) throw error;
      });
    },
    async shows(id) {
      await new Promise<void>((resolve) => waiting.set(id, resolve));
      waiting.delete(id);
    },
  };
}
