import { createHash } from "node:crypto";
import type { SqliteDatabase } from "@es/store-sqlite";
import type { FileChange } from "./git-log.ts";

/** Which file a path stands for. */
export interface PathEntry {
  readonly fileId: string;
  /** `false`: the file was renamed away from here. */
  readonly isCurrent: boolean;
}

/**
 * A read model that is written in the transaction of the events: path to file. It is how a change finds the stream of its
 * file, over renames and over runs of the import.
 */
export class PathTable {
  readonly #select: (path: string) => PathEntry | undefined;
  readonly #upsert: (path: string, fileId: string, isCurrent: boolean) => void;

  constructor(database: SqliteDatabase) {
    database.exec(
      "CREATE TABLE IF NOT EXISTS git_paths(path TEXT PRIMARY KEY, file_id TEXT NOT NULL, is_current INTEGER NOT NULL) STRICT, WITHOUT ROWID",
    );
    const select = database.prepare<{ file_id: string; is_current: number }>(
      "SELECT file_id, is_current FROM git_paths WHERE path = ?",
    );
    const upsert = database.prepare(
      "INSERT INTO git_paths VALUES (?, ?, ?) ON CONFLICT(path) DO UPDATE SET file_id = excluded.file_id, is_current = excluded.is_current",
    );
    this.#select = (path) => {
      const row = select.get(path);
      return row === undefined ? undefined : { fileId: row.file_id, isCurrent: row.is_current === 1 };
    };
    this.#upsert = (path, fileId, isCurrent) => void upsert.run(path, fileId, isCurrent ? 1 : 0);
  }

  find(path: string): PathEntry | undefined {
    return this.#select(path);
  }

  /**
   * The file that a change is about, and the path it has from now on. A change to a path that was renamed away comes from
   * another branch and belongs to the same file; a file that is added there is another one.
   */
  follow(change: FileChange, commit: string): string {
    const known = this.#select(change.from ?? change.path);
    const isNew = known === undefined || (change.kind === "added" && !known.isCurrent);
    const fileId = isNew ? fileIdOf(change.path, commit) : known.fileId;
    if (change.kind === "renamed" && change.from !== undefined) this.#upsert(change.from, fileId, false);
    if (isNew || change.kind === "renamed") this.#upsert(change.path, fileId, true);
    return fileId;
  }
}

/** The same in every import that meets the commits in the same order; short, whatever the path is. */
function fileIdOf(path: string, commit: string): string {
  return createHash("sha256").update(`${commit}\0${path}`).digest("hex").slice(0, 32);
}
