import Database from "better-sqlite3";
import type { SqliteDatabase, SqliteStatement } from "../src/index.ts";

/** A real database whose statements can be made to fail, the way a disk would make them. */
export class FaultyDatabase implements SqliteDatabase {
  readonly #real: Database.Database;
  /** Called before each statement runs; what it throws is what the statement ends with. */
  beforeRun: (sql: string) => void = () => undefined;
  /** Called before each statement gives a row. */
  beforeGet: (sql: string) => void = () => undefined;

  constructor(path: string) {
    this.#real = new Database(path, { timeout: 0 });
  }

  get name(): string {
    return this.#real.name;
  }

  get open(): boolean {
    return this.#real.open;
  }

  get inTransaction(): boolean {
    return this.#real.inTransaction;
  }

  get readonly(): boolean {
    return this.#real.readonly;
  }

  prepare<Row = unknown>(source: string): SqliteStatement<Row> {
    return new FaultyStatement(
      this.#real.prepare<unknown[], Row>(source),
      () => this.beforeRun(source),
      () => this.beforeGet(source),
    );
  }

  exec(source: string): void {
    this.#real.exec(source);
  }

  pragma(source: string, options?: { simple?: boolean | undefined }): unknown {
    return this.#real.pragma(source, options);
  }

  close(): void {
    this.#real.close();
  }
}

class FaultyStatement<Row> implements SqliteStatement<Row> {
  readonly #real: SqliteStatement<Row>;
  readonly #beforeRun: () => void;
  readonly #beforeGet: () => void;

  constructor(real: SqliteStatement<Row>, beforeRun: () => void, beforeGet: () => void) {
    this.#real = real;
    this.#beforeRun = beforeRun;
    this.#beforeGet = beforeGet;
  }

  run(...params: unknown[]): { readonly changes: number; readonly lastInsertRowid: number | bigint } {
    this.#beforeRun();
    return this.#real.run(...params);
  }

  get(...params: unknown[]): Row | undefined {
    this.#beforeGet();
    return this.#real.get(...params);
  }

  all(...params: unknown[]): Row[] {
    return this.#real.all(...params);
  }

  raw(toggle?: boolean): this {
    this.#real.raw(toggle);
    return this;
  }

  pluck(toggle?: boolean): this {
    this.#real.pluck(toggle);
    return this;
  }

  safeIntegers(toggle?: boolean): this {
    this.#real.safeIntegers(toggle);
    return this;
  }
}

/** The error that the driver throws for a result code of SQLite. */
export function driverError(code: string): Error {
  return new Database.SqliteError(`made up for the test: ${code}`, code);
}
