import { ConfigurationError, type Position } from "@es/core";
import { throwIfAborted } from "@es/core/adapter";
import { assertTimeLimit, shown } from "../definition/member-rules.ts";
import { WaitTimeoutError } from "../errors/errors.ts";
import type { Clock } from "./clock.ts";

/** How long a call may wait. */
export interface WaitOptions {
  /** The limit. @defaultValue 10000 */
  readonly timeoutMs?: number;
  /** Ends the wait. */
  readonly signal?: AbortSignal;
}

const DEFAULT_TIMEOUT_MS = 10_000;

/** @throws ConfigurationError when it is no position, but the result of an append, for example */
export function assertPosition(position: Position): void {
  if (typeof position === "string") return;
  throw new ConfigurationError(
    `waitFor() was given ${shown(position)}; give it a position, such as "position" of what append() and save() resolve to`,
  );
}

/** Why a runner that has nothing to do does not reach a position. */
export const NOT_IN_THE_STORE =
  "the store shows nothing there: was it appended to another store, or in a transaction that is still open? Wait behind the commit, never inside of the transaction";

interface Waiter {
  readonly position: Position;
  readonly settle: (error?: unknown) => void;
}

/** Those who wait for a position. */
export class PositionWaiters {
  readonly #clock: Clock;
  readonly #waiting = new Set<Waiter>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** How many wait. */
  get size(): number {
    return this.#waiting.size;
  }

  /** Wakes those whose position is reached. */
  reached(position: Position): void {
    for (const waiter of this.#waiting) if (waiter.position <= position) waiter.settle();
  }

  /** Ends every wait with an error. */
  fail(error: unknown): void {
    for (const waiter of this.#waiting) waiter.settle(error);
  }

  /** Resolves when {@link reached} has come that far. `failure` is what the error of a time-out says. */
  async wait(position: Position, failure: (timeoutMs: number) => string, options: WaitOptions = {}): Promise<void> {
    const { timeoutMs = DEFAULT_TIMEOUT_MS, signal } = options;
    assertTimeLimit(timeoutMs);
    throwIfAborted(signal);
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const limit = new AbortController();
    const waiter: Waiter = { position, settle: (error) => (error === undefined ? resolve() : reject(error)) };
    this.#waiting.add(waiter);
    const expiry = this.#clock
      .delay(timeoutMs, signal === undefined ? limit.signal : AbortSignal.any([limit.signal, signal]))
      .then(
        () => reject(new WaitTimeoutError(failure(timeoutMs))),
        // Either the wait is over already, or the caller's signal ended it.
        reject,
      );
    try {
      await promise;
    } finally {
      this.#waiting.delete(waiter);
      limit.abort();
      await expiry;
    }
  }
}
