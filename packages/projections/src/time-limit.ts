import { ConfigurationError } from "@es/core";

/** Timers of Node.js that are to run for longer run at once. */
export const LONGEST_TIMER_MS: number = 2 ** 31 - 1;

/**
 * Refuses a time limit that would never be over, or be over before it began.
 * @throws ConfigurationError
 */
export function assertTimeLimit(timeoutMs: number): void {
  if (!(timeoutMs >= 0)) throw new ConfigurationError(`timeoutMs is ${timeoutMs}; it must be a number from 0`);
}
