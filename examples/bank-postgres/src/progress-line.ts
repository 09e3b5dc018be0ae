import { count } from "./report.ts";
import type { Tally } from "./tally.ts";

const INTERVAL_MS = 100;

/** A line on standard error that is written again and again. Nothing when that is not a terminal. */
export class ProgressLine implements Disposable {
  #timer: ReturnType<typeof setInterval> | undefined;

  start(tally: Tally, seconds: number): void {
    if (!process.stderr.isTTY) return;
    const start = performance.now();
    this.#timer = setInterval(() => {
      const line = lineOf(tally, (performance.now() - start) / 1000, seconds);
      // A line that wraps cannot be overwritten.
      process.stderr.write(`\r\u001b[K${line.slice(0, (process.stderr.columns || 80) - 1)}`);
    }, INTERVAL_MS);
  }

  [Symbol.dispose](): void {
    if (this.#timer === undefined) return;
    clearInterval(this.#timer);
    process.stderr.write("\r\u001b[K");
  }
}

/** How much was done, how fast, how much longer. */
export function lineOf({ transfers, refused, conflicts }: Tally, elapsed: number, seconds: number): string {
  const rate = Math.round(transfers / Math.max(elapsed, 0.001));
  const left = Math.max(0, Math.ceil(seconds - elapsed));
  return `${count(transfers)} transfers  ${count(rate)}/s  ${count(refused)} refused  ${count(conflicts)} conflicts  ${left} s left`;
}
