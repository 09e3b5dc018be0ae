/**
 * Place of an event in the order over all streams of one store. An opaque string: it sorts with `<`, fits JSON and any text
 * column, and means nothing in another store. {@link START} is before everything.
 */
export type Position = string;

/** The position before the first event. */
export const START: Position = "";
