/** Most events in one append. A statement of that size takes a tenth of a second or so. */
export const MAX_EVENTS_PER_APPEND = 10_000;

/** Most bytes of JSON (data and metadata, in UTF-8) in one append. */
export const MAX_BYTES_PER_APPEND: number = 16 * 1024 * 1024;

/** A statement takes no further append once it holds this many events. Small enough that nobody waits long for the others. */
export const EVENTS_PER_GROUP = 1_000;

/** A statement takes no further append once it holds this many bytes of JSON. */
export const BYTES_PER_GROUP: number = 1024 * 1024;
