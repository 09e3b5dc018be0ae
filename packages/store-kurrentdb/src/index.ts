export { openFromUrl } from "./open-from-url.ts";
export { openKurrentDbEventStore } from "./open-kurrentdb-event-store.ts";
export type { KurrentDbAppendOptions, KurrentDbEventStore, StreamCheck } from "./kurrentdb-event-store.ts";
export type { KurrentDbEventStoreOptions } from "./options.ts";
