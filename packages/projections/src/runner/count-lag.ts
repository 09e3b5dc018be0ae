import { ConfigurationError, type EventQuery, type EventStore, type Position } from "@es/core";
import type { Lag } from "./runner-status.ts";

const LIMIT = 10_000;

/** How the count is bounded. */
export interface LagOptions {
  /** Count so many events at most. */
  readonly limit?: number;
  /** Ends the count. */
  readonly signal?: AbortSignal;
}

/** Counts the events behind a position by reading them, up to a limit. */
export async function countLag(
  store: EventStore<unknown>,
  filter: EventQuery | undefined,
  after: Position,
  { limit = LIMIT, signal }: LagOptions = {},
): Promise<Lag> {
  if (!(limit >= 0)) throw new ConfigurationError(`limit is ${limit}; it must be a number from 0`);
  const call = signal === undefined ? {} : { signal };
  const head = await store.head(call);
  const query = filter === undefined ? {} : { filter };
  let events = 0;
  for await (const page of store.readAll({ ...call, ...query, after, limit: limit + 1 })) events += page.events.length;
  return { events: Math.min(events, limit), isExact: events <= limit, head };
}
