import type { ImportStatus } from "./importer.ts";
import { count } from "./report.ts";

const WIDEST = 30;

/** A bar on standard error. Nothing when that is not a terminal. */
export class ProgressBar {
  readonly #isShown: boolean;
  readonly #start = performance.now();

  constructor(isWanted: boolean) {
    this.#isShown = isWanted && process.stderr.isTTY;
  }

  show(status: ImportStatus): void {
    if (this.#isShown)
      process.stderr.write(`\r\u001b[K${barOf(status, performance.now() - this.#start, process.stderr.columns || 80)}`);
  }

  end(): void {
    if (this.#isShown) process.stderr.write("\r\u001b[K");
  }
}

/** One line: how far, how fast, how much longer. As much of it as has room in `columns`. */
export function barOf({ commits, totalCommits, changes }: ImportStatus, elapsedMs: number, columns = 80): string {
  const share = totalCommits === 0 ? 1 : Math.min(1, commits / totalCommits);
  const rate = Math.round(changes / Math.max(elapsedMs / 1000, 0.001));
  const leftSeconds = share === 0 ? 0 : Math.round((elapsedMs / 1000) * (1 / share - 1));
  const text =
    ` ${Math.floor(share * 100)} %  ` +
    `commit ${count(commits)} of ${count(totalCommits)}  ${count(rate)} events/s  ${leftSeconds} s left`;
  // A line that wraps cannot be overwritten.
  const width = Math.max(0, Math.min(WIDEST, columns - text.length - 3));
  const filled = Math.round(share * width);
  return `[${"█".repeat(filled)}${"░".repeat(width - filled)}]${text}`.slice(0, columns - 1);
}
