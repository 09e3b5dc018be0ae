import { StoreUnavailableError } from "@es/core";
import type { WriteLine } from "./write-line.ts";

/** Fails what has waited in the line for too long. */
export class LineExpiry {
  readonly #line: WriteLine;
  readonly #timeoutMs: number;
  readonly #reason: () => string;
  #timer: NodeJS.Timeout | undefined;

  /** `reason` says why there was no turn while {@link watch} is on. */
  constructor(line: WriteLine, timeoutMs: number, reason: () => string) {
    this.#line = line;
    this.#timeoutMs = timeoutMs;
    this.#reason = reason;
  }

  /** Fails each entry when its time is over, for as long as there are no turns that would look. */
  watch(): void {
    const { nextDeadline } = this.#line;
    if (this.#timer !== undefined || nextDeadline === undefined) return;
    const expire = (): void => {
      this.#timer = undefined;
      this.expire(this.#reason());
      this.watch();
    };
    this.#timer = setTimeout(expire, Math.max(0, nextDeadline - performance.now()) + 1);
  }

  /** Ends {@link watch}. */
  stop(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  /** Fails what is too late by now. */
  expire(reason: string, cause?: unknown): void {
    for (const entry of this.#line.takeExpired(performance.now())) {
      entry.fail(
        new StoreUnavailableError(
          `the write waited ${this.#timeoutMs} ms and was not begun, nothing was written: ${reason}`,
          { cause },
        ),
      );
    }
  }
}
