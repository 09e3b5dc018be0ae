import type { RecordedEvent, Write } from "@es/core";
import type { SqliteEventStore } from "../src/index.ts";

/** A write of `count` events to one stream. */
export function writeOf(streamId: string, expected: Write["expected"] = "any", count = 1): Write {
  const events = Array.from({ length: count }, (_, index) => ({
    id: crypto.randomUUID(),
    type: "Happened",
    data: { index },
  }));
  return { streamId, expected, events };
}

/** All events of the store, in order. */
export async function readLog(store: Pick<SqliteEventStore, "readAll">): Promise<RecordedEvent[]> {
  const events: RecordedEvent[] = [];
  for await (const page of store.readAll()) events.push(...page.events);
  return events;
}

/** The ids in a write. */
export function idsOf({ events }: Write): (string | undefined)[] {
  return events.map(({ id }) => id);
}
