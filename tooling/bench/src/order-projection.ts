import { randomUUID } from "node:crypto";
import type { RecordedEvent } from "@es/core";
import { defineProjection, type Projection, type StartPosition } from "@es/projections";
import { orderEvents } from "./order.ts";

/** A new projection with one handler for all types. */
export function orderProjection(
  handle: (event: Omit<RecordedEvent, "data" | "type">) => void,
  from: StartPosition = "beginning",
): Projection {
  return defineProjection({
    name: `orders-${randomUUID()}`,
    events: orderEvents,
    from,
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
}
