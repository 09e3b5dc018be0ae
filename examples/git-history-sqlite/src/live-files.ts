import type { Repository } from "@es/core";
import type { SqliteDatabase } from "@es/store-sqlite";
import type { TrackedFile } from "./tracked-file.ts";

const MAX_FILES = 5_000;

/**
 * The files of the last commits, as they are after the transaction that is open. A load cannot see what that has written, so a
 * file that was touched in it must come from here. Files are therefore only forgotten between two transactions, the least
 * recently used first.
 */
export class LiveFiles {
  readonly #files: Repository<TrackedFile, SqliteDatabase>;
  readonly #live = new Map<string, TrackedFile>();

  constructor(files: Repository<TrackedFile, SqliteDatabase>) {
    this.#files = files;
  }

  async get(fileId: string): Promise<TrackedFile> {
    const file = this.#live.get(fileId) ?? (await this.#files.loadOrCreate(fileId));
    this.#live.delete(fileId);
    this.#live.set(fileId, file);
    return file;
  }

  /** Between two transactions: forgets what is stored and was not used for long. */
  trim(): void {
    for (const fileId of this.#live.keys()) {
      if (this.#live.size <= MAX_FILES) return;
      this.#live.delete(fileId);
    }
  }
}
