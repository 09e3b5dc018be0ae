import { randomUUID } from "node:crypto";
import { defineAggregate, defineEvents } from "@es/core";
import { z } from "zod";
import type { BenchEvent } from "./subject.ts";

/** What every event carries: about 300 bytes of JSON. */
export const orderLineSchema = z.object({
  orderId: z.string(),
  customer: z.object({ name: z.string(), email: z.string(), country: z.string() }),
  lines: z.array(z.object({ sku: z.string(), quantity: z.number(), cents: z.number() })),
  totalCents: z.number(),
  note: z.string(),
  isGift: z.boolean(),
});

export const orderStateSchema = z.object({ events: z.number(), totalCents: z.number(), lastNote: z.string() });

export type OrderLine = z.output<typeof orderLineSchema>;
export type OrderState = z.output<typeof orderStateSchema>;

/** The family of the events. */
export const orderEvents = defineEvents({
  OrderPlaced: orderLineSchema,
  OrderPriced: orderLineSchema,
  OrderPaid: orderLineSchema,
  OrderPacked: orderLineSchema,
  OrderShipped: orderLineSchema,
  OrderDelayed: orderLineSchema,
  OrderDelivered: orderLineSchema,
  OrderReturned: orderLineSchema,
  OrderRefunded: orderLineSchema,
  OrderClosed: orderLineSchema,
});

/** The ten event types, each a tenth of the events. */
export const ORDER_EVENT_TYPES: readonly string[] = orderEvents.types;

export function initialOrder(): OrderState {
  return { events: 0, totalCents: 0, lastNote: "" };
}

/** The same fold on both sides. */
export function evolveOrder(state: OrderState, data: OrderLine): OrderState {
  return { events: state.events + 1, totalCents: state.totalCents + data.totalCents, lastNote: data.note };
}

export const Order = defineAggregate({
  name: "order",
  events: orderEvents,
  state: orderStateSchema,
  commands: {},
  initialState: initialOrder,
  evolve: (state, event) => evolveOrder(state, event.data),
  decide: () => undefined,
});

/** The stream of an order. */
export function orderStream(id: string): string {
  return `order-${id}`;
}

/** The event number `index` of a run; types take turns. */
export function orderEvent(index: number): BenchEvent {
  // Cloned so that its strings are in one piece, as those are that came over a wire; neither side pays for joining them.
  return structuredClone({
    id: randomUUID(),
    type: ORDER_EVENT_TYPES[index % ORDER_EVENT_TYPES.length] ?? "OrderPlaced",
    data: {
      orderId: `2b1f7c1e-6a1d-4f0e-9a55-${String(index).padStart(12, "0")}`,
      customer: { name: "Ada Lovelace", email: "ada@example.com", country: "GB" },
      lines: [
        { sku: "ENGINE-0042", quantity: 1 + (index % 7), cents: 12_999 },
        { sku: "CARD-PUNCH-7", quantity: 2, cents: 1_250 },
      ],
      totalCents: 15_499 + (index % 100),
      note: "Leave with the neighbour",
      isGift: index % 2 === 0,
    },
  });
}

/** A list of fresh events. */
export function orderEventList(count: number, from = 0): readonly BenchEvent[] {
  return Array.from({ length: count }, (_, index) => orderEvent(from + index));
}
