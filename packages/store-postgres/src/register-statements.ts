import type { Register } from "@es/core";
import { TRANSACTION } from "./append-statement.ts";
import { FENCE } from "./fence.ts";
import type { StoreNames } from "./names.ts";
import type { TextRow } from "./query-runner.ts";
import type { Ask } from "./refusal.ts";
import { type Statement, statementOf } from "./statement.ts";

/** A change of a register. */
export interface RegisterChange {
  readonly key: string;
  /** `undefined` deletes. */
  readonly value: string | undefined;
  readonly expected: number | undefined;
}

/** A register that was changed. */
export interface ChangedRegister {
  /** The new revision, or that of what was deleted. */
  readonly revision: number;
  /** The transaction that did it, when the statements tell. */
  readonly transaction: string | undefined;
}

/** What a register's row holds. */
export interface RegisterRow {
  /** `undefined` when it was deleted. */
  readonly value: string | undefined;
  readonly revision: number;
  /** The lower half of the number of the transaction that wrote the row. */
  readonly xmin: string;
}

/**
 * The statements of registers. A deleted register keeps its row, with no value, so that no revision repeats. Values are bytes,
 * because a text of PostgreSQL cannot hold U+0000.
 */
export class RegisterStatements {
  readonly #row: Statement;
  readonly #put: Statement;
  readonly #create: Statement;
  readonly #update: Statement;
  readonly #delete: Statement;
  readonly #deleteRevision: Statement;
  readonly #keys: Statement;

  readonly #stored: Statement;

  constructor(
    { registers }: StoreNames,
    {
      isFenced = false,
      tellsTransaction = false,
    }: { readonly isFenced?: boolean; readonly tellsTransaction?: boolean } = {},
  ) {
    const returning = `RETURNING revision${tellsTransaction ? `, ${TRANSACTION}` : ""}${isFenced ? FENCE : ""}`;
    const put = `INSERT INTO ${registers} AS r (key, value, revision) VALUES ($1, $2::bytea, 1) ON CONFLICT (key) DO UPDATE SET value = excluded.value, revision = r.revision + 1`;
    const remove = `UPDATE ${registers} SET value = NULL WHERE key = $1 AND value IS NOT NULL`;
    this.#row = statementOf(
      `SELECT encode(value, 'hex'), revision FROM ${registers} WHERE key = $1 AND value IS NOT NULL`,
    );
    this.#stored = statementOf(`SELECT encode(value, 'hex'), revision, xmin::text FROM ${registers} WHERE key = $1`);
    this.#put = statementOf(`${put} ${returning}`);
    this.#create = statementOf(`${put} WHERE r.value IS NULL ${returning}`);
    this.#update = statementOf(
      `UPDATE ${registers} SET value = $2::bytea, revision = revision + 1 WHERE key = $1 AND value IS NOT NULL AND revision = $3 ${returning}`,
    );
    this.#delete = statementOf(`${remove} ${returning}`);
    this.#deleteRevision = statementOf(`${remove} AND revision = $2 ${returning}`);
    this.#keys = statementOf(
      `SELECT key FROM ${registers} WHERE key > $1 AND key >= $2 AND starts_with(key, $2) AND value IS NOT NULL ORDER BY key LIMIT $3`,
    );
  }

  async get(ask: Ask, key: string): Promise<Register | undefined> {
    const [row] = await ask(this.#row, [key]);
    if (row === undefined) return undefined;
    const [value, revision] = row;
    return { value: fromBytes(value ?? ""), revision: Number(revision) };
  }

  /** What is stored under the key, deleted or not; `undefined` when nothing ever was. */
  async stored(ask: Ask, key: string): Promise<RegisterRow | undefined> {
    const [row] = await ask(this.#stored, [key]);
    if (row === undefined) return undefined;
    const [value, revision, xmin] = row;
    return {
      value: typeof value === "string" ? fromBytes(value) : undefined,
      revision: Number(revision),
      xmin: xmin ?? "",
    };
  }

  /** What was changed; `undefined` when `expected` is not current. */
  async change(ask: Ask, { key, value, expected }: RegisterChange): Promise<ChangedRegister | undefined> {
    const [row] = await this.#change(ask, { key, value, expected });
    return row === undefined ? undefined : { revision: Number(row[0]), transaction: row[1] ?? undefined };
  }

  async #change(ask: Ask, { key, value, expected }: RegisterChange): Promise<readonly TextRow[]> {
    if (value === undefined)
      return expected === undefined ? ask(this.#delete, [key]) : ask(this.#deleteRevision, [key, expected]);
    const bytes = toBytes(value);
    if (expected === undefined) return ask(this.#put, [key, bytes]);
    return expected === 0 ? ask(this.#create, [key, bytes]) : ask(this.#update, [key, bytes, expected]);
  }

  /** Keys with the prefix that are greater than `after`. */
  async keys(
    ask: Ask,
    { prefix, after, limit }: { readonly prefix: string; readonly after: string; readonly limit: number },
  ): Promise<readonly string[]> {
    const rows = await ask(this.#keys, [after, prefix, limit]);
    return rows.map(([key]) => key ?? "");
  }
}

function toBytes(value: string): string {
  return `\\x${Buffer.from(value).toString("hex")}`;
}

function fromBytes(text: string): string {
  return Buffer.from(text, "hex").toString();
}
