import { WakeUp } from "@es/core/adapter";
import type { Head } from "./head.ts";

const FIRST_POLL_MS = 10;

/**
 * Where live reads wait. Appends of this store wake them at once, notifications of other processes soon; and while somebody
 * waits, the head of the log is asked again and again, because a notification may be lost.
 */
export class LiveWait {
  readonly #wakeUp = new WakeUp();
  readonly #head: Head;
  readonly #longestMs: number;
  #pauseMs = FIRST_POLL_MS;
  #poll: NodeJS.Timeout | undefined;
  #waiting = 0;
  #isClosed = false;

  constructor(head: Head, longestMs: number) {
    this.#head = head;
    this.#longestMs = longestMs;
  }

  /** Take it before reading; {@link wait} then misses nothing. */
  get epoch(): number {
    return this.#wakeUp.epoch;
  }

  /** Something was committed. It may not be readable yet, so the next looks follow quickly. */
  notify(): void {
    this.#pauseMs = FIRST_POLL_MS;
    this.#wakeUp.notify();
  }

  close(): void {
    this.#isClosed = true;
    clearTimeout(this.#poll);
    this.#wakeUp.notify();
  }

  /** Resolves once there may be more to read than when `epoch` was taken and the head was `seen`. */
  async wait(epoch: number, seen: number, signal: AbortSignal | undefined): Promise<void> {
    if (this.#head.known > seen) return;
    this.#waiting += 1;
    if (this.#waiting === 1) this.#pollSoon(seen);
    try {
      await this.#wakeUp.wait(epoch, signal);
    } finally {
      this.#waiting -= 1;
      if (this.#waiting === 0) clearTimeout(this.#poll);
    }
  }

  #pollSoon(seen: number): void {
    clearTimeout(this.#poll);
    if (this.#isClosed) return;
    this.#poll = setTimeout(() => void this.#look(seen), this.#pauseMs);
    this.#pauseMs = Math.min(this.#pauseMs * 2, this.#longestMs);
  }

  async #look(seen: number): Promise<void> {
    let head = seen;
    try {
      head = await this.#head.ask();
      if (head !== seen) this.#pauseMs = FIRST_POLL_MS;
    } catch {
      // The server is away. A live read outlasts that, as long as its own statements do.
    }
    if (head !== seen) this.#wakeUp.notify();
    if (this.#waiting > 0) this.#pollSoon(head);
  }
}
