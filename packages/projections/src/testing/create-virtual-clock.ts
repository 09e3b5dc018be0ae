import { VirtualClock as Sleepers } from "../conformance/virtual-clock.ts";
import type { Clock } from "../runner/clock.ts";

/** A clock that stands still until a test moves it. */
export interface VirtualClock extends Clock {
  /** Lets time pass, wakes whoever has waited for it, and resolves when they have had a turn. What they began may go on. */
  advance(ms: number): Promise<void>;
}

/** Options of {@link createVirtualClock}. */
export interface VirtualClockOptions {
  /** The time at which it stands, in milliseconds since 1970. @defaultValue the beginning of 2030 */
  readonly startAt?: number;
  /** Waits of at most this long are over at once, and move the clock: those between retries, for example. @defaultValue none */
  readonly instantUpToMs?: number;
}

/**
 * Makes a clock for runners under test, so that days pass at once. Give it to the store as well, whose times time-outs count from.
 *
 * @example
 * ```ts
 * import { createVirtualClock } from "@es/projections/testing";
 * import { createMemoryEventStore } from "@es/store-memory";
 *
 * const clock = createVirtualClock();
 * const store = createMemoryEventStore({ clock: () => clock.now() });
 * ```
 */
export function createVirtualClock(options: VirtualClockOptions = {}): VirtualClock {
  const { startAt = Date.UTC(2030, 0, 1), instantUpToMs = -1 } = options;
  const sleepers = new Sleepers(instantUpToMs);
  return {
    now: () => startAt + sleepers.monotonic(),
    monotonic: () => sleepers.monotonic(),
    delay: (ms, signal) => sleepers.delay(ms, signal),
    async advance(ms) {
      sleepers.advance(ms);
      await new Promise<void>((resolve) => setImmediate(resolve));
    },
  };
}
