import type { Position, RecordedEvent, Registers } from "@es/core";
import type { Clock } from "../runner/clock.ts";
import { backOffMs, isTransient, type RetrySettings } from "../runner/retry.ts";
import type { PendingTimeout } from "./timeout.ts";
import { listTimeouts } from "./timeout-register.ts";

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
  /** Up to where everything was handled. */
  readonly position: () => Position;
  /** The head of the store now. */
  readonly head: (signal: AbortSignal) => Promise<Position>;
  /** Handles a time-out that is due. @returns whether it did: not while the runner is paused or stops */
  readonly fire: (timeout: PendingTimeout) => Promise<boolean>;
  /** Told when the store is to be asked again, and without anything when it has answered. */
  readonly onRetrying: (retrying?: {
    readonly error: unknown;
    readonly attempt: number;
    readonly delayMs: number;
  }) => void;
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
  /** A head of the store, and until when time-outs were due that it is enough to have come so far for. */
  #goal: { readonly position: Position; readonly dueUntil: number } | undefined;
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
      if (next === undefined || waitMs > 0) await this.#sleep(waitMs);
      else if (await this.#hasSeenAll(next)) {
        const waiting = this.#waiting;
        const isHandled = await this.#parts.fire(next);
        if (isHandled && this.#waiting === waiting) this.#waiting = waiting?.slice(1);
      } else await this.#sleep(Number.POSITIVE_INFINITY);
    }
  }

  /**
   * Whether everything was handled that was stored when a time-out became due. That the runner is live does not say so: the process
   * may have been suspended, and news of another one may take a while.
   */
  async #hasSeenAll({ dueAt }: PendingTimeout): Promise<boolean> {
    if (this.#goal === undefined || this.#goal.dueUntil < dueAt) {
      const dueUntil = this.#parts.clock.now();
      this.#goal = { position: await this.#often(() => this.#parts.head(this.#ending.signal)), dueUntil };
    }
    return this.#parts.isLive() && this.#parts.position() >= this.#goal.position;
  }

  /** What is due next. */
  async #next(): Promise<PendingTimeout | undefined> {
    const { manager, registers } = this.#parts;
    while (this.#waiting === undefined) {
      const generation = this.#generation;
      const waiting = await this.#often(() => listTimeouts(registers, manager, { signal: this.#ending.signal }));
      // What changed while the list was read may not be in it.
      if (generation !== this.#generation) continue;
      this.#waiting = waiting.filter(({ parked }) => parked === undefined);
      this.#parked = waiting.length - this.#waiting.length;
    }
    return this.#waiting[0];
  }

  /** Asks the store as often as it may need. */
  async #often<Answer>(ask: () => Promise<Answer>): Promise<Answer> {
    const { storeRetry, random, clock, onRetrying } = this.#parts;
    for (let attempt = 1; ; attempt += 1) {
      try {
        const answer = await ask();
        if (attempt > 1) onRetrying();
        return answer;
      } catch (error) {
        if (!isTransient(error) || attempt >= storeRetry.maxAttempts) throw error;
        const delayMs = backOffMs(storeRetry, attempt, random);
        onRetrying({ error, attempt, delayMs });
        await clock.delay(delayMs, this.#ending.signal);
      }
    }
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
