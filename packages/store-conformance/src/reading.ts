import type { EventStore, Page, ReadAllOptions, ReadStreamOptions, RecordedEvent } from "@es/core";
import { nextTurn } from "./next-turn.ts";

/** No case stores that much; a read that goes on for ever must not take the test process with it. */
const MOST_ITEMS = 20_000;

/** All pages of an iteration that ends by itself. */
export async function collect<Item>(items: AsyncIterable<Item>): Promise<readonly Item[]> {
  const all: Item[] = [];
  for await (const item of items) {
    all.push(item);
    if (all.length % 500 === 0) await nextTurn();
    if (all.length > MOST_ITEMS) throw new Error(`the read has not ended after ${MOST_ITEMS} pages`);
  }
  return all;
}

/** The events of a stream. */
export async function readStream(
  store: EventStore<unknown>,
  streamId: string,
  options?: ReadStreamOptions,
): Promise<readonly RecordedEvent[]> {
  return (await collect(store.readStream(streamId, options))).flat();
}

/** The ids of the events of a stream. */
export async function streamIds(store: EventStore<unknown>, streamId: string): Promise<readonly string[]> {
  return (await readStream(store, streamId)).map(({ id }) => id);
}

/** The pages of the log up to its head. */
export function readPages(store: EventStore<unknown>, options?: ReadAllOptions): Promise<readonly Page[]> {
  return collect(store.readAll(options));
}

/** The events of the log up to its head. */
export async function readLog(store: EventStore<unknown>, options?: ReadAllOptions): Promise<readonly RecordedEvent[]> {
  return (await readPages(store, options)).flatMap(({ events }) => events);
}

/** The ids of the events of the log. */
export async function logIds(store: EventStore<unknown>, options?: ReadAllOptions): Promise<readonly string[]> {
  return (await readLog(store, options)).map(({ id }) => id);
}
