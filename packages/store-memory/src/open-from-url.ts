import { ConfigurationError, type EventStore } from "@es/core";
import { createMemoryEventStore } from "./memory-event-store.ts";

/**
 * Opens a new, empty store for the address `memory:`. What `openEventStore` of `@es/core` calls.
 *
 * @throws ConfigurationError for any other address
 */
export async function openFromUrl(url: string): Promise<EventStore> {
  // There is nothing to name or to tune, so anything more is a misunderstanding, such as a hope for a shared or named store.
  if (!/^memory:(\/\/)?$/i.test(url)) {
    throw new ConfigurationError(
      `${JSON.stringify(url)} is not an address of the memory store; it is "memory:" and nothing else`,
    );
  }
  return createMemoryEventStore();
}
