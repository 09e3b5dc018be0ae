import { randomUUID } from "node:crypto";
import { allEvents, type EventStore, type ExpectedVersion, type RecordedEvent, type Write } from "@es/core";

/** A write of new events with ids of their own. */
export function writeOf(streamId: string, expected: ExpectedVersion = "any", count = 1): Write {
  return {
    streamId,
    expected,
    events: Array.from({ length: count }, (_, index) => ({ id: randomUUID(), type: "Happened", data: { index } })),
  };
}

/** The whole log. */
export async function readLog(store: EventStore): Promise<readonly RecordedEvent[]> {
  const events: RecordedEvent[] = [];
  for await (const event of allEvents(store)) events.push(event);
  return events;
}

/** All events of some pages. */
export async function collect(pages: AsyncIterable<readonly RecordedEvent[]>): Promise<readonly RecordedEvent[]> {
  const events: RecordedEvent[] = [];
  for await (const page of pages) events.push(...page);
  return events;
}
