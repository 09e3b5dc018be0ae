import type { EventStore, RecordedEvent } from "@es/core";

/** The whole log. */
export async function readLog(store: EventStore<never> | EventStore<unknown>): Promise<readonly RecordedEvent[]> {
  const events: RecordedEvent[] = [];
  for await (const page of store.readAll({ pageSize: 1_000 })) events.push(...page.events);
  return events;
}
