import type { RecordedEvent, Registers } from "@es/core";
import type { Clock } from "./clock.ts";
import { backOffMs, isTransient, type RetrySettings } from "./retry.ts";
import { listTimeouts } from "./timeout-register.ts";
import type { PendingTimeout } from "./timeout.ts";

const LONGEST_WAIT_MS = 60_000;

/** What the loop needs of its runner. */
export interface TimeoutLoopParts {
  readonly manager: string;
  readonly registers: Registers<unknown>;
  readonly clock: Clock;
  readonly storeRetry: RetrySettings;
  readonly random: () => number;
  /** Whether everything was handled that is stored: an event may have come that cancels the time-out. */
  readonly isLive: () => boolean;
  /** Handles a time-out that is due. */
  readonly fire: (timeout: PendingTimeout) => Promise<void>;
  /** Ends the runner. */
  readonly fail: (error: unknown) => void;
}

/** Waits for the time-outs of a process manager and hands them out when they are due, one at a time. */
export class TimeoutLoop {
  readonly #parts: TimeoutLoopParts;
  readonly #ending = new AbortController();
  #woken = new AbortController();
  #waiting: readonly PendingTimeout[] | undefined;
  #parked = 0;
  #failures = 0;
  /** Rises when what waits has changed. */
  #generation = 0;

  constructor(parts: TimeoutLoopParts) {
    this.#parts = parts;
  }

  /** How many are held back, as far as it has looked. */
  get parked(): number {
    return this.#parked;
  }

  /** Begins. */
  start(): void {
    void this.#run().catch((error: unknown) => {
      if (!this.#ending.signal.aborted) this.#parts.fail(error);
    });
  }

  /** Looks again: something has happened. */
  wake({ hasChanged }: { readonly hasChanged: boolean }): void {
    if (hasChanged) {
      this.#waiting = undefined;
      this.#generation += 1;
    }
    this.#woken.abort();
  }

  /** Ends. */
  end(): void {
    this.#ending.abort();
    this.#woken.abort();
  }

  async #run(): Promise<void> {
    const { signal } = this.#ending;
    while (!signal.aborted) {
      this.#woken = new AbortController();
      const next = this.#parts.isLive() ? await this.#next() : undefined;
      if (signal.aborted) return;
      const waitMs = next === undefined ? Number.POSITIVE_INFINITY : next.dueAt - this.#parts.clock.now();
      if (next !== undefined && waitMs <= 0) {
        const waiting = this.#waiting;
        await this.#parts.fire(next);
        if (this.#waiting === waiting) this.#waiting = waiting?.slice(1);
      } else await this.#sleep(waitMs);
    }
  }

  /** What is due next. */
  async #next(): Promise<PendingTimeout | undefined> {
    const { manager, registers, storeRetry, random, clock } = this.#parts;
    while (this.#waiting === undefined) {
      try {
        const generation = this.#generation;
        const waiting = await listTimeouts(registers, manager, { signal: this.#ending.signal });
        this.#failures = 0;
        // What changed while the list was read may not be in it.
        if (generation !== this.#generation) continue;
        this.#waiting = waiting.filter(({ parked }) => parked === undefined);
        this.#parked = waiting.length - this.#waiting.length;
      } catch (error) {
        this.#failures += 1;
        if (!isTransient(error) || this.#failures >= storeRetry.maxAttempts) throw error;
        await clock.delay(backOffMs(storeRetry, this.#failures, random), this.#ending.signal);
      }
    }
    return this.#waiting[0];
  }

  async #sleep(ms: number): Promise<void> {
    const { signal } = this.#woken;
    if (ms === Number.POSITIVE_INFINITY) {
      if (signal.aborted) return;
      await new Promise<void>((resolve) => signal.addEventListener("abort", () => resolve(), { once: true }));
      return;
    }
    // The date may be set, and a machine may sleep.
    await this.#parts.clock.delay(Math.min(ms, LONGEST_WAIT_MS), signal).catch(() => undefined);
  }
}

/** A time-out in the form of an event, so that it can be handled, tried again and reported as one. */
export function eventOf(timeout: PendingTimeout): RecordedEvent {
  const { id, key, type, data, dueAt, after, correlationId, schemaVersion } = timeout;
  return {
    id,
    streamId: `timeout-${key}`,
    version: 1,
    position: after,
    type,
    data,
    metadata: { correlationId, schemaVersion },
    tags: [],
    recordedAt: dueAt,
  };
}
