import type { Register } from "@es/core";
import type { CommittedView } from "./committed-view.ts";
import {
  prepareCommand,
  prepareRows,
  prepareValue,
  type SqliteDatabase,
  type SqliteStatement,
} from "./sqlite-database.ts";

/** The statements of registers on one connection. A deleted register keeps its row, with no value, so that no revision repeats. */
export class RegisterStatements {
  readonly #row: SqliteStatement<readonly [string | null, number]>;
  readonly #put: SqliteStatement;
  readonly #keys: SqliteStatement<string>;
  readonly #view: CommittedView | undefined;

  /** With `view`, what is changed is kept there first. */
  constructor(database: SqliteDatabase, view?: CommittedView) {
    this.#view = view;
    this.#row = prepareRows(database, "SELECT value, revision FROM es_registers WHERE key = ?");
    this.#put = prepareCommand(
      database,
      "INSERT INTO es_registers (key, value, revision) VALUES (?, ?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value, revision = excluded.revision",
    );
    this.#keys = prepareValue(
      database,
      "SELECT key FROM es_registers WHERE key >= ? AND key > ? AND value IS NOT NULL ORDER BY key LIMIT ?",
    );
  }

  get(key: string): Register | undefined {
    const [value, revision] = this.#row.get(key) ?? [null, 0];
    return value === null ? undefined : { value, revision };
  }

  /** The new revision, or `undefined` when `expected` is not current. Reads and writes: needs the write lock. */
  set(key: string, value: string, expected: number | undefined): number | undefined {
    const [current, revision] = this.#row.get(key) ?? [null, 0];
    if (expected !== undefined && expected !== (current === null ? 0 : revision)) return undefined;
    this.#view?.keep(key, current === null ? undefined : { value: current, revision });
    this.#put.run(key, value, revision + 1);
    return revision + 1;
  }

  /** Whether the register was there, with the revision that was `expected`. Needs the write lock. */
  delete(key: string, expected: number | undefined): boolean {
    const [current, revision] = this.#row.get(key) ?? [null, 0];
    if (current === null || (expected !== undefined && expected !== revision)) return false;
    this.#view?.keep(key, { value: current, revision });
    this.#put.run(key, null, revision);
    return true;
  }

  /** Keys from `prefix` on that are greater than `after`; those with the prefix come first, together. */
  keys(prefix: string, after: string, limit: number): readonly string[] {
    return this.#keys.all(prefix, after, limit);
  }
}
