import { WakeUp } from "@es/core/adapter";
import type { ReadConnection } from "./read-connection.ts";

/**
 * Where live reads wait. Commits of this store wake them at once; those of other processes and connections are noticed by
 * asking SQLite for its `data_version`, every few milliseconds and only while somebody waits.
 */
export class LiveWait {
  readonly #wakeUp = new WakeUp();
  readonly #connection: ReadConnection;
  readonly #pollIntervalMs: number;
  #poll: NodeJS.Timeout | undefined;
  #waiting = 0;
  #mark: number | undefined;

  constructor(connection: ReadConnection, pollIntervalMs: number) {
    this.#connection = connection;
    this.#pollIntervalMs = pollIntervalMs;
  }

  /** Take it before reading; {@link wait} then misses nothing. */
  get epoch(): number {
    return this.#wakeUp.epoch;
  }

  /** Something was committed, or the store is closed. */
  notify(): void {
    this.#wakeUp.notify();
  }

  /** Resolves once something may have been committed since `epoch` was taken. */
  async wait(epoch: number, signal: AbortSignal | undefined): Promise<void> {
    this.#waiting += 1;
    this.#poll ??= setInterval(() => this.#look(), this.#pollIntervalMs);
    try {
      await this.#wakeUp.wait(epoch, signal);
    } finally {
      this.#waiting -= 1;
      if (this.#waiting === 0) {
        clearInterval(this.#poll);
        this.#poll = undefined;
      }
    }
  }

  #look(): void {
    let mark: number | undefined;
    try {
      mark = this.#connection.commitMark();
    } catch {
      // Whatever it is, the readers will meet it themselves and report it.
      this.notify();
      return;
    }
    // What happened between two waits changes the mark as well, so nothing is missed while nobody looks.
    if (mark === undefined || mark === this.#mark) return;
    this.#mark = mark;
    this.notify();
  }
}
