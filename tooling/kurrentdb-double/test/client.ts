import { setTimeout as sleep } from "node:timers/promises";
import { type EventData, jsonEvent, KurrentDBClient, type ResolvedEvent } from "@kurrent/kurrentdb-client";
import type { KurrentDouble } from "../src/index.ts";

/** For `expect.poll`: the machine may be under load. */
export const PATIENTLY = { timeout: 10_000, interval: 5 };

/** A client of the double that is disposed of with its block: what it holds open would keep the process alive. */
export function connect(
  double: Pick<KurrentDouble, "connectionString">,
  options = "",
): {
  readonly client: KurrentDBClient;
  [Symbol.asyncDispose](): Promise<void>;
} {
  const client = KurrentDBClient.connectionString(
    options === "" ? double.connectionString : `${double.connectionString}&${options}`,
  );
  return { client, [Symbol.asyncDispose]: () => disposeOf(client) };
}

/** The client waits for ever for a call whose end it has missed; some tests make it do so. */
async function disposeOf(client: KurrentDBClient): Promise<void> {
  await Promise.race([client.dispose(), sleep(500, undefined, { ref: false })]);
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

/** Whether a promise does not settle within a moment that is long for the double. */
export async function isPending(promise: Promise<unknown>): Promise<boolean> {
  const settled = promise.then(
    () => false,
    () => false,
  );
  return Promise.race([settled, sleep(150, true)]);
}

/** The revisions of events in the order in which they came. */
export function revisions(events: readonly ResolvedEvent[]): (bigint | undefined)[] {
  return events.map(({ event }) => event?.revision);
}
