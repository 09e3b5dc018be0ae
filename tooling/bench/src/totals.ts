import type { OrderLine } from "./order.ts";

/** A row of the read model that is filled: what was sold in one stream at one price. */
export interface Total {
  readonly events: number;
  readonly cents: number;
}

/** The key of the row that an event changes. A page of 500 events of one stream changes 100 rows. */
export function totalKey(event: { readonly streamId: string; readonly data: OrderLine }): string {
  return `${event.streamId}/${event.data.totalCents}`;
}

/** The same fold on both sides. */
export function addToTotal(total: Total | undefined, data: OrderLine): Total {
  return { events: (total?.events ?? 0) + 1, cents: (total?.cents ?? 0) + data.totalCents };
}

/** The rows of a page, one step of a hand-written projection: those that were stored, changed by its events. */
export function foldPage(
  page: readonly { readonly key: string; readonly data: OrderLine }[],
  stored: ReadonlyMap<string, Total>,
): ReadonlyMap<string, Total> {
  const rows = new Map<string, Total>();
  for (const { key, data } of page) rows.set(key, addToTotal(rows.get(key) ?? stored.get(key), data));
  return rows;
}
