/** Most events in one append. */
export const MAX_EVENTS_PER_APPEND = 1_000;

/** Bytes of a message that are kept for its headers and its subject. */
export const MESSAGE_OVERHEAD: number = 4 * 1024;

/** Most messages and bytes that are asked for at once. The server buffers 64 MiB per client before it cuts the connection. */
export const MESSAGES_PER_FETCH = 1_000;

/** At least so many bytes are asked for at once; more where one message may be larger. */
export const BYTES_PER_FETCH: number = 4 * 1024 * 1024;

/** How long one attempt of a request may take at most before it is made again. */
export const ATTEMPT_MS = 2_000;

const FIRST_ATTEMPT_MS = 500;

/**
 * How long an attempt may take. A leader that steps down drops what it was asked, so the first ones are given up soon; later ones
 * are patient, or a slow server would never have an answer ready in time.
 */
export function attemptMs(attempt: number): number {
  return Math.min(FIRST_ATTEMPT_MS * 2 ** attempt, ATTEMPT_MS);
}
