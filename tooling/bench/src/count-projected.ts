import { randomUUID } from "node:crypto";
import type { EventStore } from "@es/core";
import { createProjectionRunner, defineProjection } from "@es/projections";
import { orderEvents } from "./order.ts";

const LIMIT_MS = 60_000;

/** Runs a new projection over the whole log, with a handler that counts; resolves to the number of events. */
export async function countProjected<Tx>(store: EventStore<Tx>): Promise<number> {
  let count = 0;
  const handle = (): void => {
    count += 1;
  };
  const projection = defineProjection({
    name: `count-${randomUUID()}`,
    events: orderEvents,
    handlers: {
      OrderPlaced: handle,
      OrderPriced: handle,
      OrderPaid: handle,
      OrderPacked: handle,
      OrderShipped: handle,
      OrderDelayed: handle,
      OrderDelivered: handle,
      OrderReturned: handle,
      OrderRefunded: handle,
      OrderClosed: handle,
    },
  });
  const runner = createProjectionRunner(projection, { store });
  const head = await store.head();
  await runner.start();
  await runner.waitFor(head, { timeoutMs: LIMIT_MS });
  await runner.stop();
  return count;
}
