import type { ImportStatus } from "./importer.ts";
import { count } from "./report.ts";

const WIDEST = 30;

/** How far the import is, and how far the read model is behind it. */
export interface BarStatus extends ImportStatus {
  /** Events that are stored and not counted in the report yet. */
  readonly behind: number;
}

/** A bar on standard error. Nothing when that is not a terminal. */
export class ProgressBar {
  readonly #isShown: boolean;
  readonly #start = performance.now();
  #imported: ImportStatus = { commits: 0, totalCommits: 0, changes: 0 };
  #counted = 0;

  constructor(isWanted: boolean) {
    this.#isShown = isWanted && process.stderr.isTTY;
  }

  /** The import has stored something. */
  imported(status: ImportStatus): void {
    this.#imported = status;
    this.#show();
  }

  /** The read model has counted so many events. */
  counted(events: number): void {
    this.#counted += events;
    this.#show();
  }

  end(): void {
    if (this.#isShown) process.stderr.write("\r\u001b[K");
  }

  #show(): void {
    if (!this.#isShown) return;
    // What an earlier run stored and did not count is counted now, so there may be more than this run imported.
    const behind = Math.max(0, this.#imported.changes - this.#counted);
    const elapsedMs = performance.now() - this.#start;
    process.stderr.write(`\r\u001b[K${barOf({ ...this.#imported, behind }, elapsedMs, process.stderr.columns || 80)}`);
  }
}

/** One line: how far, how fast, how much longer. As much of it as has room in `columns`. */
export function barOf({ commits, totalCommits, changes, behind }: BarStatus, elapsedMs: number, columns = 80): string {
  const share = totalCommits === 0 ? 1 : Math.min(1, commits / totalCommits);
  const rate = Math.round(changes / Math.max(elapsedMs / 1000, 0.001));
  const leftSeconds = share === 0 ? 0 : Math.round((elapsedMs / 1000) * (1 / share - 1));
  const text =
    ` ${Math.floor(share * 100)} %  ` +
    `commit ${count(commits)} of ${count(totalCommits)}  ${count(rate)} events/s  ${leftSeconds} s left` +
    (behind === 0 ? "" : `  report ${count(behind)} behind`);
  // A line that wraps cannot be overwritten.
  const width = Math.max(0, Math.min(WIDEST, columns - text.length - 3));
  const filled = Math.round(share * width);
  return `[${"█".repeat(filled)}${"░".repeat(width - filled)}]${text}`.slice(0, columns - 1);
}
