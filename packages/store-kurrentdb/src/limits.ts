/** Most events in one append. */
export const MAX_EVENTS_PER_APPEND = 1_000;

/** The part of a call's time that one attempt may be without any answer before it is made again. */
export const SILENCE_SHARE = 0.4;

/** How long disposing of a client may take. */
export const DISPOSE_MS = 1_000;

/** The first and the longest pause between two attempts. */
export const FIRST_PAUSE_MS = 5;
export const LONGEST_PAUSE_MS = 200;

/** An append is not made again when less time is left. */
export const LEAST_ATTEMPT_MS = 200;

/** Most calls of one store that are under way at once. */
export const MAX_CALLS = 100;

/** How long the log is searched before what was found is shown, and how far it was searched. */
export const SCAN_MS = 1_000;

/**
 * Until when the server may do an append. It is sent as a time of day, and a server whose clock is ahead would refuse every append
 * that is to be done in a few seconds. How long the store waits is another matter.
 */
export const SERVER_DEADLINE_MS = 86_400_000;
