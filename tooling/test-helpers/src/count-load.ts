import { isEventSourcingError, type Registers } from "@es/core";
import { expect } from "vitest";

const KEY = "counter";

/** Writers that count in one register through every fault. */
export class CountLoad {
  /** Steps that were acknowledged. */
  counted = 0;
  /** Steps that ended with an unknown outcome. */
  #unknown = 0;
  readonly #registers: Registers<never>;
  readonly #running: Promise<unknown>;
  #isStopped = false;

  constructor(registers: Registers<never>, writers: number) {
    this.#registers = registers;
    this.#running = Promise.all(Array.from({ length: writers }, () => this.#count()));
  }

  /** Stops the writers, and compares what they were told with the register. */
  async reconcile(): Promise<void> {
    this.#isStopped = true;
    await this.#running;
    const value = Number((await this.#registers.get(KEY))?.value);
    expect(this.counted).toBeGreaterThan(0);
    expect(value).toBeGreaterThanOrEqual(this.counted);
    expect(value).toBeLessThanOrEqual(this.counted + this.#unknown);
  }

  async #count(): Promise<void> {
    while (!this.#isStopped) {
      try {
        const now = await this.#registers.get(KEY);
        const next = String(Number(now?.value ?? 0) + 1);
        const revision = await this.#registers.set(KEY, next, { expected: now?.revision ?? 0 });
        if (revision !== undefined) this.counted += 1;
      } catch (error) {
        if (isEventSourcingError(error, "ES_UNKNOWN_OUTCOME")) this.#unknown += 1;
        else if (!isEventSourcingError(error, "ES_STORE_UNAVAILABLE")) throw error;
      }
    }
  }
}
