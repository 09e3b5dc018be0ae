import type { RunnerReport } from "../src/index.ts";

/** What a runner reported, and a way to wait for it. */
export class Reports {
  readonly all: RunnerReport[] = [];
  readonly #waiting = new Set<() => void>();

  /** For the option `onReport`. */
  readonly listener = (report: RunnerReport): void => {
    this.all.push(report);
    for (const wake of this.#waiting) wake();
  };

  get kinds(): readonly string[] {
    return this.all.map(({ kind }) => kind);
  }

  /** Resolves when a report of this kind has come so many times. */
  async until(kind: RunnerReport["kind"], count = 1): Promise<void> {
    while (this.kinds.filter((other) => other === kind).length < count) {
      await new Promise<void>((resolve) => {
        const wake = (): void => {
          this.#waiting.delete(wake);
          resolve();
        };
        this.#waiting.add(wake);
      });
    }
  }
}
