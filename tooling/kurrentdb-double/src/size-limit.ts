import type { NewEvent } from "./event-log.ts";
import type { Backend } from "./perform.ts";

/** The limit in bytes, when an event is larger. */
export function findOversized(backend: Backend, events: readonly NewEvent[]): number | undefined {
  const limit = backend.maxEventBytes();
  if (limit === undefined) return undefined;
  return events.some((event) => sizeOf(event) > limit) ? limit : undefined;
}

/** What the server counts of an event. */
export function sizeOf(event: NewEvent): number {
  return event.data.length + event.customMetadata.length + Buffer.byteLength(event.type);
}
