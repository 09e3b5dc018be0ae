import { randomUUID } from "node:crypto";
import type { EventStore, Position } from "@es/core";
import {
  type CheckpointedSink,
  createProjectionRunner,
  defineProjection,
  type ExactlyOnce,
  exactlyOnce,
  type Fold,
  type Projection,
} from "@es/projections";
import { orderEvents, type OrderLine } from "./order.ts";
import { addToTotal, type Total, totalKey } from "./totals.ts";

const LIMIT_MS = 120_000;

/** How rows are read and written in a transaction. */
export interface TotalsTable<Tx> {
  load(keys: readonly string[], tx: Tx): ReadonlyMap<string, Total> | Promise<ReadonlyMap<string, Total>>;
  save(rows: ReadonlyMap<string, Total>, tx: Tx): void | Promise<void>;
}

/** Runs a new projection over the whole log that folds it into a table, exactly once. */
export async function projectTotals<Tx>(
  store: EventStore<unknown>,
  sink: CheckpointedSink<Tx>,
  table: TotalsTable<Tx>,
): Promise<void> {
  const head: Position = await store.head();
  await using runner = createProjectionRunner(totalsProjection(table), { store, sink });
  await runner.start();
  await runner.waitFor(head, { timeoutMs: LIMIT_MS });
}

function totalsProjection<Tx>(table: TotalsTable<Tx>): Projection<ExactlyOnce<Tx>> {
  const evolve = (total: Total | undefined, { data }: { readonly data: OrderLine }): Total => addToTotal(total, data);
  const fold: Fold<(typeof orderEvents)["schemas"], keyof (typeof orderEvents)["schemas"], ExactlyOnce<Tx>, Total> = {
    key: totalKey,
    load: (keys, { tx }) => table.load(keys, tx),
    evolve: {
      OrderPlaced: evolve,
      OrderPriced: evolve,
      OrderPaid: evolve,
      OrderPacked: evolve,
      OrderShipped: evolve,
      OrderDelayed: evolve,
      OrderDelivered: evolve,
      OrderReturned: evolve,
      OrderRefunded: evolve,
      OrderClosed: evolve,
    },
    save: (rows, { tx }) => table.save(withoutRemoved(rows), tx),
  };
  return defineProjection({
    name: `totals-${randomUUID()}`,
    events: orderEvents,
    delivery: exactlyOnce<Tx>(),
    fold,
  });
}

/** Nothing is ever removed. */
function withoutRemoved(rows: ReadonlyMap<string, Total | undefined>): ReadonlyMap<string, Total> {
  const kept = new Map<string, Total>();
  for (const [key, total] of rows) if (total !== undefined) kept.set(key, total);
  return kept;
}
