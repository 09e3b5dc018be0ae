import { AbortedError } from "@es/core";
import type { Clock } from "../index.ts";

interface Sleeper {
  readonly at: number;
  readonly wake: () => void;
}

/** A clock that a test moves. Waits of at most `instantUpToMs` are over at once, and move it by that much. */
export class VirtualClock implements Clock {
  /** Every wait that was asked for. */
  readonly delays: number[] = [];
  readonly #instantUpToMs: number;
  readonly #sleepers = new Set<Sleeper>();
  #time = 0;
  #onSleeper: (() => void) | undefined;

  constructor(instantUpToMs = -1) {
    this.#instantUpToMs = instantUpToMs;
  }

  /** How many wait. */
  get sleeping(): number {
    return this.#sleepers.size;
  }

  now(): number {
    return 1_700_000_000_000 + this.#time;
  }

  monotonic(): number {
    return this.#time;
  }

  async delay(ms: number, signal?: AbortSignal): Promise<void> {
    if (signal?.aborted) throw new AbortedError("aborted", { cause: signal.reason });
    this.delays.push(ms);
    if (ms <= this.#instantUpToMs) {
      this.#time += ms;
      // A turn of the event loop, so that a loop of retries cannot lock the test out.
      await new Promise<void>((resolve) => setImmediate(resolve));
      if (signal?.aborted) throw new AbortedError("aborted", { cause: signal.reason });
      return;
    }
    await new Promise<void>((resolve, reject) => {
      const sleeper: Sleeper = { at: this.#time + ms, wake: resolve };
      this.#sleepers.add(sleeper);
      signal?.addEventListener(
        "abort",
        () => {
          if (this.#sleepers.delete(sleeper)) reject(new AbortedError("aborted", { cause: signal.reason }));
        },
        { once: true },
      );
      this.#onSleeper?.();
    });
  }

  /** Lets time pass. */
  advance(ms: number): void {
    this.#time += ms;
    for (const sleeper of this.#sleepers) {
      if (sleeper.at <= this.#time && this.#sleepers.delete(sleeper)) sleeper.wake();
    }
  }

  /** Resolves when somebody waits. */
  async slept(): Promise<void> {
    while (this.#sleepers.size === 0) {
      await new Promise<void>((resolve) => {
        this.#onSleeper = resolve;
      });
    }
  }
}
