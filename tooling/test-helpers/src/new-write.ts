import { randomUUID } from "node:crypto";
import type { ExpectedVersion, Write } from "@es/core";

/** A write of new events with ids of their own. */
export function writeOf(streamId: string, expected: ExpectedVersion = "any", count = 1): Write {
  return {
    streamId,
    expected,
    events: Array.from({ length: count }, (_, index) => ({ id: randomUUID(), type: "Happened", data: { index } })),
  };
}

/** The ids of a write's events. */
export function idsOf(write: Write): readonly string[] {
  return write.events.map(({ id }) => id ?? "");
}
