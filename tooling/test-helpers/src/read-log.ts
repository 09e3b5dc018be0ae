import type { EventStore, RecordedEvent } from "@es/core";

/** The whole log. */
export async function readLog(store: Pick<EventStore, "readAll">): Promise<readonly RecordedEvent[]> {
  const events: RecordedEvent[] = [];
  for await (const page of store.readAll()) events.push(...page.events);
  return events;
}

/** All events of some pages. */
export async function collect(pages: AsyncIterable<readonly RecordedEvent[]>): Promise<readonly RecordedEvent[]> {
  const events: RecordedEvent[] = [];
  for await (const page of pages) events.push(...page);
  return events;
}
