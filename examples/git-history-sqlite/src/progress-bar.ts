import type { ImportStatus } from "./importer.ts";
import { count } from "./report.ts";

/** How far the import is, and how far the read model is behind it. */
export interface BarStatus extends ImportStatus {
  /** Events that are stored and not counted in the report yet. */
  readonly behind: number;
}

/** A bar on standard error. Nothing when that is no terminal, or one that cannot overwrite a line. */
export class ProgressBar {
  readonly #isShown: boolean;
  readonly #start = performance.now();
  #imported: ImportStatus | undefined;
  #behind: number;
  #isEnded = false;

  /** @param behind - events that an earlier run stored and did not count in the report */
  constructor(isWanted: boolean, behind: number) {
    this.#isShown = isWanted && process.stderr.isTTY && process.env["TERM"] !== "dumb";
    this.#behind = behind;
  }

  /** The import has stored something. */
  imported(status: ImportStatus): void {
    this.#behind += status.changes - (this.#imported?.changes ?? 0);
    this.#imported = status;
    this.#show();
  }

  /** The read model has counted so many events. */
  counted(events: number): void {
    this.#behind -= events;
    this.#show();
  }

  /** Takes the bar away, so that something else can be printed. The next step shows it again. */
  clear(): void {
    if (this.#isShown && !this.#isEnded) process.stderr.write("\r\u001b[K");
  }

  /** Takes the bar away for good. */
  end(): void {
    this.clear();
    this.#isEnded = true;
  }

  #show(): void {
    if (!this.#isShown || this.#isEnded || this.#imported === undefined) return;
    // The read model may count a page before the import tells of it.
    const status = { ...this.#imported, behind: Math.max(0, this.#behind) };
    const elapsedMs = performance.now() - this.#start;
    process.stderr.write(`\r\u001b[K${barOf(status, elapsedMs, process.stderr.columns || 80)}`);
  }
}

/**
 * One line: how far, how much longer, how fast. The bar is as wide as the terminal allows, whatever stands behind it, so that it does
 * not jump; of the rest there is as much as has room, the most important first.
 */
export function barOf({ commits, totalCommits, changes, behind }: BarStatus, elapsedMs: number, columns = 80): string {
  const share = totalCommits === 0 ? 1 : Math.min(1, commits / totalCommits);
  const seconds = Math.max(elapsedMs / 1000, 0.001);
  const width = Math.min(30, Math.max(5, Math.floor(columns / 4)));
  const filled = Math.round(share * width);
  const parts = [
    `${Math.floor(share * 100)} %`.padStart(5),
    ...(share === 0 || share === 1 ? [] : [`${count(Math.round(seconds * (1 / share - 1)))} s left`]),
    `report ${count(behind)} behind`,
    `${count(Math.round(changes / seconds))} events/s`,
    `commit ${count(commits)} of ${count(totalCommits)}`,
  ];
  let line = `[${"█".repeat(filled)}${"░".repeat(width - filled)}]`;
  for (const part of parts) {
    const separator = part === parts[0] ? " " : "  ";
    // A line that wraps cannot be overwritten.
    if (line.length + separator.length + part.length > columns - 1) break;
    line += `${separator}${part}`;
  }
  return line.slice(0, columns - 1);
}
