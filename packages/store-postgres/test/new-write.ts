import { randomUUID } from "node:crypto";
import type { ExpectedVersion, NewEvent, Write } from "@es/core";

/** An event with an id, so that it can be told apart. */
export function newEvent(data: unknown = {}): NewEvent & { readonly id: string } {
  return { id: randomUUID(), type: "Happened", data };
}

/** A write of so many events. */
export function newWrite(streamId: string, expected: ExpectedVersion, count = 1): Write {
  return { streamId, expected, events: Array.from({ length: count }, (_, n) => newEvent({ n })) };
}

/** The ids of a write's events. */
export function idsOf(write: Write): readonly string[] {
  return write.events.map(({ id }) => id ?? "");
}
