import type { EventStore, Page, ReadAllOptions, ReadStreamOptions, RecordedEvent, Write } from "@es/core";
import { delegate } from "test-helpers";

export { delegate, delegateRegisters } from "test-helpers";

/** One write or several, as several. */
export function listOf(writes: Write | readonly Write[]): readonly Write[] {
  return [writes].flat();
}

/** Changes each write on its way in. */
export function changeWrites(inner: EventStore, change: (write: Write) => Write): EventStore {
  return delegate(inner, {
    append: async (writes, options) => inner.append(listOf(writes).map(change), options),
  });
}

/** Changes each event of each write on its way in. */
export function changeNewEvents(
  inner: EventStore,
  change: (event: Write["events"][number]) => Write["events"][number],
): EventStore {
  return changeWrites(inner, (write) => ({ ...write, events: write.events.map(change) }));
}

/** Changes every event on its way out. */
export function changeEvents(inner: EventStore, change: (event: RecordedEvent) => RecordedEvent): EventStore {
  return delegate(inner, {
    async *readStream(streamId, options) {
      for await (const events of inner.readStream(streamId, options)) yield events.map(change);
    },
    async *readAll(options) {
      for await (const page of inner.readAll(options)) yield { ...page, events: page.events.map(change) };
    },
  });
}

/** Reads of one stream pass through `change`. */
export function changeStreamReads(
  inner: EventStore,
  change: (
    read: (options?: ReadStreamOptions, streamId?: string) => AsyncIterable<readonly RecordedEvent[]>,
    options: ReadStreamOptions,
    streamId: string,
  ) => AsyncIterable<readonly RecordedEvent[]>,
): EventStore {
  return delegate(inner, {
    readStream: (streamId, options = {}) =>
      change((changed = options, id = streamId) => inner.readStream(id, changed), options, streamId),
  });
}

/** Reads of the log pass through `change`. */
export function changeLogReads(
  inner: EventStore,
  change: (read: (options?: ReadAllOptions) => AsyncIterable<Page>, options: ReadAllOptions) => AsyncIterable<Page>,
): EventStore {
  return delegate(inner, {
    readAll: (options = {}) => change((changed = options) => inner.readAll(changed), options),
  });
}

/** All items of an iteration. */
export async function collect<Item>(items: AsyncIterable<Item>): Promise<readonly Item[]> {
  const all: Item[] = [];
  for await (const item of items) all.push(item);
  return all;
}

/** The version of a stream. */
export async function versionOf(inner: EventStore, streamId: string): Promise<number> {
  for await (const [newest] of inner.readStream(streamId, { direction: "backward", limit: 1 }))
    return newest?.version ?? 0;
  return 0;
}

/** The ids of a stream's events. */
export async function idsIn(inner: EventStore, streamId: string): Promise<readonly string[]> {
  const ids: string[] = [];
  for await (const events of inner.readStream(streamId)) ids.push(...events.map(({ id }) => id));
  return ids;
}

/** Lets everything else that can run do so. */
export function pause(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve);
  });
}

/** A promise that never settles. */
export function forever(): Promise<never> {
  return new Promise(() => undefined);
}
