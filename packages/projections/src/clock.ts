import { delay } from "@es/core/adapter";
import { LONGEST_TIMER_MS } from "./time-limit.ts";

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
