import type { EventStore, ReadAllOptions, ReadStreamOptions } from "./event-store.ts";
import type { RecordedEvent } from "./recorded-event.ts";

/** The events of one stream, one by one. */
export async function* streamEvents<Tx>(
  store: EventStore<Tx>,
  streamId: string,
  options?: ReadStreamOptions,
): AsyncGenerator<RecordedEvent, void, undefined> {
  for await (const page of store.readStream(streamId, options)) yield* page;
}

/** The events of all streams, one by one. A checkpoint needs the pages of `readAll` instead. */
export async function* allEvents<Tx>(
  store: EventStore<Tx>,
  options?: ReadAllOptions,
): AsyncGenerator<RecordedEvent, void, undefined> {
  for await (const page of store.readAll(options)) yield* page.events;
}
