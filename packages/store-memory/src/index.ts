export type { MemoryEventStore, MemoryEventStoreOptions } from "./memory-event-store.ts";
export { createMemoryEventStore } from "./memory-event-store.ts";
export { openFromUrl } from "./open-from-url.ts";
