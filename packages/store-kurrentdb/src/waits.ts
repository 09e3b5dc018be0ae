import { AbortedError, StoreClosedError } from "@es/core";

/** What may end a call earlier than its time. */
export interface Interruptible {
  /** Aborts the call. */
  readonly signal?: AbortSignal | undefined;
  /** Whether the call goes on while the store is closed, because it must find out what it has done. */
  readonly mustSettle?: boolean;
}

/** Something that is waited for. */
export interface Wait {
  readonly call: Interruptible;
  /** When its time is over, of `performance.now()`; later when it was given more. */
  dueAt: number;
  readonly onDue: () => void;
  readonly onEnd: (error: Error) => void;
  readonly onAbort: (() => void) | undefined;
}

/**
 * All that is waited for, and what ends it: its time, its signal, and the end of the store. One timer serves all, since one for
 * each attempt costs more than the rest of the attempt. It runs for the earliest of those that were due when it was set, most of
 * which are long over by then.
 */
export class Waits {
  readonly #all = new Set<Wait>();
  #timer: NodeJS.Timeout | undefined;
  #timerAt = Number.POSITIVE_INFINITY;

  /** Has `onDue` called after some milliseconds, or `onEnd` when something ends the call before, until {@link end}. */
  begin(call: Interruptible, ms: number, onDue: () => void, onEnd: (error: Error) => void): Wait {
    const { signal } = call;
    const onAbort =
      signal && ((): void => onEnd(new AbortedError("the operation was aborted", { cause: signal.reason })));
    if (onAbort !== undefined) signal?.addEventListener("abort", onAbort, { once: true });
    const now = performance.now();
    const wait = { call, dueAt: now + ms, onDue, onEnd, onAbort };
    // The process may not end now, whatever else it has to do.
    if (this.#all.size === 0) this.#timer?.ref();
    this.#all.add(wait);
    if (wait.dueAt < this.#timerAt) this.#set(wait.dueAt, now);
    return wait;
  }

  /** Nobody waits for it any more. */
  end(wait: Wait): void {
    this.#all.delete(wait);
    if (wait.onAbort !== undefined) wait.call.signal?.removeEventListener("abort", wait.onAbort);
    // Stopping the timer, and setting it for the next one, would cost what one timer for all saves.
    if (this.#all.size === 0) this.#timer?.unref();
  }

  /** Ends all that need not be settled. */
  close(): void {
    for (const { call, onEnd } of this.#all) {
      if (call.mustSettle !== true) onEnd(new StoreClosedError());
    }
  }

  #set(at: number, now: number): void {
    clearTimeout(this.#timer);
    this.#timerAt = at;
    this.#timer = setTimeout(() => this.#look(), Math.ceil(at - now));
  }

  #look(): void {
    this.#timer = undefined;
    this.#timerAt = Number.POSITIVE_INFINITY;
    const now = performance.now();
    let next = Number.POSITIVE_INFINITY;
    for (const { dueAt, onDue } of this.#all) {
      if (dueAt <= now) onDue();
      else if (dueAt < next) next = dueAt;
    }
    if (next < Number.POSITIVE_INFINITY) this.#set(next, now);
  }
}
