import { AbortedError } from "../errors/store-errors.ts";

/**
 * Wakes live reads. A reader takes `epoch` before it reads and waits for a later one afterwards, so that nothing that
 * happened between is missed.
 */
export class WakeUp {
  #epoch = 0;
  readonly #waiting = new Set<() => void>();

  /** Rises with every {@link notify}. */
  get epoch(): number {
    return this.#epoch;
  }

  /** How many readers wait. */
  get waiting(): number {
    return this.#waiting.size;
  }

  /** Wakes every waiting reader. */
  notify(): void {
    this.#epoch += 1;
    const woken = [...this.#waiting];
    this.#waiting.clear();
    for (const wake of woken) wake();
  }

  /**
   * Resolves once `epoch` is no longer the one given, at once if it is not.
   * @throws AbortedError when the signal aborts first
   */
  async wait(epoch: number, signal?: AbortSignal): Promise<void> {
    if (signal?.aborted) throw new AbortedError("the read was aborted", { cause: signal.reason });
    if (this.#epoch !== epoch) return;
    await new Promise<void>((resolve, reject) => {
      const wake = (): void => {
        signal?.removeEventListener("abort", onAbort);
        resolve();
      };
      const onAbort = (): void => {
        this.#waiting.delete(wake);
        reject(new AbortedError("the read was aborted", { cause: signal?.reason }));
      };
      this.#waiting.add(wake);
      signal?.addEventListener("abort", onAbort, { once: true });
    });
  }
}
