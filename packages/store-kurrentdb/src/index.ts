export type { StreamCheck } from "./append.ts";
export type { KurrentDbAppendOptions, KurrentDbEventStore } from "./kurrentdb-event-store.ts";
export { openFromUrl } from "./open-from-url.ts";
export { openKurrentDbEventStore } from "./open-kurrentdb-event-store.ts";
export type { KurrentDbEventStoreOptions } from "./options.ts";
