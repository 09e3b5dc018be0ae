import type { EventStore, RecordedEvent, Registers } from "@es/core";
import { type ExactlyOnce, exactlyOnce, type Projection, type TransactionContext } from "../index.ts";

/** What {@link totals} takes. */
export interface TotalsOptions {
  /** Called after the effect of an event was written. What it throws, the handler throws. */
  readonly onEvent?: (event: RecordedEvent, context: TransactionContext<unknown>) => void | Promise<void>;
}

/**
 * A read model in registers, which take part in the transaction wherever there are transactions: for each stream how many events
 * it had, and which was the last. Every event adds to it, so that a double shows.
 */
export function totals(
  registers: Registers<unknown>,
  { onEvent }: TotalsOptions = {},
): Projection<ExactlyOnce<unknown>> {
  return {
    name: "totals",
    delivery: exactlyOnce<unknown>(),
    filter: { types: ["Happened"] },
    from: "beginning",
    isSingle: true,
    async apply(events, context, progress) {
      for (const event of events) {
        const key = `total:${event.streamId}`;
        const { tx } = context;
        const count = Number((await registers.get(key, { tx }))?.value ?? 0);
        await registers.set(key, String(count + 1), { tx });
        await onEvent?.(event, context);
        progress.handled += 1;
      }
    },
  };
}

/** What the read model holds. */
export async function readTotals(registers: Registers<unknown>): Promise<Readonly<Record<string, number>>> {
  const found: [string, number][] = [];
  for await (const key of registers.keys("total:")) {
    found.push([key.slice("total:".length), Number((await registers.get(key))?.value)]);
  }
  return Object.fromEntries(found.toSorted(([a], [b]) => (a < b ? -1 : 1)));
}

/** What it must hold: a fold of the log. */
export async function foldTotals(store: EventStore<unknown>): Promise<Readonly<Record<string, number>>> {
  const counts = new Map<string, number>();
  for await (const { events } of store.readAll({ filter: { types: ["Happened"] } })) {
    for (const { streamId } of events) counts.set(streamId, (counts.get(streamId) ?? 0) + 1);
  }
  return Object.fromEntries([...counts].toSorted(([a], [b]) => (a < b ? -1 : 1)));
}
