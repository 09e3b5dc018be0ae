import { delay } from "@es/core/adapter";

/** Timers of Node.js that are to run for longer run at once. */
export const LONGEST_TIMER_MS: number = 2 ** 31 - 1;

/** Time, as runners see it. A test passes its own. */
export interface Clock {
  /** Milliseconds since 1970 UTC. For people; nothing is decided by it. */
  now(): number;
  /** Milliseconds that only ever rise, whatever happens to the date. */
  monotonic(): number;
  /** Waits. @throws AbortedError when the signal aborts first */
  delay(ms: number, signal?: AbortSignal): Promise<void>;
}

/** The clock of the machine. */
export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  delay: (ms, signal) => delay(Math.min(ms, LONGEST_TIMER_MS), signal),
};
