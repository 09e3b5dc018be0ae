import { statSync } from "node:fs";
import { StoreUnavailableError } from "@es/core";

/** How long the last look holds. A look costs as much as a tenth of an append that waits for no disk. */
const HOLDS_MS = 20;

/**
 * Notices that the file of an open database was deleted, moved or replaced. SQLite does not: it goes on writing to the file
 * that it has open, and everything is gone with the process.
 */
export class FileInPlace {
  readonly #path: string;
  readonly #opened: string;
  #lookedAt = performance.now();

  constructor(path: string) {
    this.#path = path;
    this.#opened = identify(path);
  }

  /** @throws StoreUnavailableError */
  assert(): void {
    const now = performance.now();
    if (now - this.#lookedAt < HOLDS_MS) return;
    if (identify(this.#path) !== this.#opened) {
      throw new StoreUnavailableError(
        `the database file ${JSON.stringify(this.#path)} was deleted, moved or replaced while it was open; ` +
          "nothing was written, put it back and open the store again",
      );
    }
    this.#lookedAt = now;
  }
}

function identify(path: string): string {
  const stats = statSync(path, { throwIfNoEntry: false });
  return stats === undefined ? "none" : `${stats.dev}:${stats.ino}`;
}
