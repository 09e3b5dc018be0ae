import type { EventStore, NewEvent, Write } from "@es/core";

/** A new event with an id of its own; `n` tells it apart from its neighbours. */
export function happened(n: number, members: Partial<NewEvent> = {}): NewEvent {
  return { id: globalThis.crypto.randomUUID(), type: "Happened", data: { n }, ...members };
}

/** `count` events with n = `from`, `from` + 1, ... */
export function happenings(count: number, from = 1): readonly NewEvent[] {
  return Array.from({ length: count }, (_, index) => happened(from + index));
}

/** A write of `count` new events. */
export function writeOf(streamId: string, expected: Write["expected"], count = 1): Write {
  return { streamId, expected, events: happenings(count) };
}

/** Stores events in as few appends as the store's limit allows, where it does not matter how many there are. */
export async function appendAll(
  store: EventStore<unknown>,
  streamId: string,
  events: readonly NewEvent[],
): Promise<void> {
  const size = Math.min(events.length, store.capabilities.maxEventsPerAppend);
  for (let start = 0; start < events.length; start += size) {
    await store.append({ streamId, expected: "any", events: events.slice(start, start + size) });
  }
}

/** The ids of the events of a write, in order. */
export function idsOf(write: Write): readonly string[] {
  return write.events.map(({ id = "" }) => id);
}

/**
 * A value with a type that it does not have, as a caller without type checks may pass it. The kit shows that stores refuse it.
 */
export function untyped<Expected>(value: unknown): Expected {
  // Reading a member of an unspecific object by name is where the type checker stops asking.
  const box: object = { value };
  return Reflect.get(box, "value");
}
