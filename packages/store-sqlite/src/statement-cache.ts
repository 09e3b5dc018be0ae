import type { SqliteStatement } from "./sqlite-database.ts";

const MAX_STATEMENTS = 100;

/** Prepared statements by their text, for the statements whose text depends on the shape of a filter. */
export class StatementCache<Row> {
  readonly #prepare: (sql: string) => SqliteStatement<Row>;
  readonly #statements = new Map<string, SqliteStatement<Row>>();

  constructor(prepare: (sql: string) => SqliteStatement<Row>) {
    this.#prepare = prepare;
  }

  get(sql: string): SqliteStatement<Row> {
    const known = this.#statements.get(sql);
    if (known !== undefined) return known;
    const statement = this.#prepare(sql);
    // Shapes are few; whoever makes many of them pays for preparing them again.
    if (this.#statements.size >= MAX_STATEMENTS) this.#statements.clear();
    this.#statements.set(sql, statement);
    return statement;
  }
}
