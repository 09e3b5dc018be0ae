/** Holds work up while it is closed. */
export class PauseGate {
  #opened: PromiseWithResolvers<void> | undefined;

  /** Whether it holds work up. */
  get isClosed(): boolean {
    return this.#opened !== undefined;
  }

  /** Holds up what comes from now on. */
  close(): void {
    this.#opened ??= Promise.withResolvers<void>();
  }

  /** Lets everything pass. */
  open(): void {
    this.#opened?.resolve();
    this.#opened = undefined;
  }

  /** Resolves when the gate is open, or when the signal aborts. */
  async passed(signal: AbortSignal): Promise<void> {
    while (this.#opened !== undefined && !signal.aborted) {
      const { promise, resolve } = Promise.withResolvers<void>();
      signal.addEventListener("abort", () => resolve(), { once: true });
      await Promise.race([this.#opened.promise, promise]);
    }
  }
}
