import { type EventData, jsonEvent, KurrentDBClient, type ResolvedEvent } from "@kurrent/kurrentdb-client";
import type { KurrentDouble } from "../src/index.ts";

/** A client of the double that is disposed of with its block: what it holds open would keep the process alive. */
export function connect(double: Pick<KurrentDouble, "connectionString">): {
  readonly client: KurrentDBClient;
  [Symbol.asyncDispose](): Promise<void>;
} {
  const client = KurrentDBClient.connectionString(double.connectionString);
  return { client, [Symbol.asyncDispose]: () => client.dispose() };
}

/** Events with their numbers as data. */
export function numbered(count: number, { type = "Counted", from = 0 } = {}): EventData[] {
  return Array.from({ length: count }, (_, index) => jsonEvent({ type, data: { number: from + index } }));
}

/** All that an iterable gives. */
export async function collect<T>(items: AsyncIterable<T>): Promise<T[]> {
  const collected: T[] = [];
  for await (const item of items) collected.push(item);
  return collected;
}

/** What a subscription has given so far, and a way to wait for more. The subscription must be ended by the test. */
export function received(subscription: AsyncIterable<ResolvedEvent>): {
  readonly all: readonly ResolvedEvent[];
  /** Waits until there are so many; fails with the subscription, or when it ends before. */
  count(wanted: number): Promise<void>;
  readonly ended: Promise<void>;
} {
  const all: ResolvedEvent[] = [];
  let grown = Promise.withResolvers<void>();
  const ended = (async () => {
    for await (const event of subscription) {
      all.push(event);
      grown.resolve();
    }
  })();
  // Whoever waits sees the failure.
  ended.catch(() => {});
  return {
    all,
    ended,
    async count(wanted) {
      while (all.length < wanted) {
        grown = Promise.withResolvers<void>();
        const isOver = await Promise.race([grown.promise.then(() => false), ended.then(() => true)]);
        if (isOver && all.length < wanted) throw new Error(`the subscription ended after ${all.length} events`);
      }
    },
  };
}

/** The revisions of events in the order in which they came. */
export function revisions(events: readonly ResolvedEvent[]): (bigint | undefined)[] {
  return events.map(({ event }) => event?.revision);
}
