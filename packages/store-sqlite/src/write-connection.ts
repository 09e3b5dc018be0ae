import type { FileInPlace } from "./file-in-place.ts";
import { prepareCommand, type SqliteDatabase, type SqliteStatement } from "./sqlite-database.ts";

/** Somebody else's transaction is open on the connection; the store's own must not slip into it. */
export class ForeignTransaction extends Error {}

/** The one connection that the store writes through, and its transactions. */
export class WriteConnection {
  readonly database: SqliteDatabase;
  /** Whether the connection belongs to the caller, who may use it for transactions of his own. */
  readonly isForeign: boolean;
  /** Looks after the file, once it is known which one it is. */
  file: FileInPlace | undefined;
  readonly #begin: SqliteStatement;
  readonly #commit: SqliteStatement;
  readonly #rollback: SqliteStatement;
  #isLeftOpen = false;

  constructor(database: SqliteDatabase, options: { readonly isForeign: boolean }) {
    this.database = database;
    this.isForeign = options.isForeign;
    this.#begin = prepareCommand(database, "BEGIN IMMEDIATE");
    this.#commit = prepareCommand(database, "COMMIT");
    this.#rollback = prepareCommand(database, "ROLLBACK");
  }

  /** Takes the write lock or throws at once: a locked error of the driver, or {@link ForeignTransaction}. */
  begin(): void {
    if (this.#isLeftOpen && this.database.open) this.rollback();
    if (this.database.inTransaction) throw new ForeignTransaction();
    if (this.isForeign) this.#withoutBusyHandler(() => this.#begin.run());
    else this.#begin.run();
  }

  commit(): void {
    this.#commit.run();
  }

  /** Ends the open transaction, if SQLite has not already done so because of an error. */
  rollback(): void {
    this.#isLeftOpen = false;
    if (!this.database.open || !this.database.inTransaction) return;
    try {
      this.#rollback.run();
    } catch {
      this.#rollbackWhileReading();
    }
  }

  /**
   * The transaction's owner left an iterator open. Until it ends, the driver refuses every statement, though SQLite itself can
   * roll back; and a transaction that stays open would swallow what its owner does next.
   */
  #rollbackWhileReading(): void {
    try {
      this.database.unsafeMode?.(true);
      this.#rollback.run();
    } catch {
      // Nothing was committed; the next begin tries again.
      this.#isLeftOpen = true;
    } finally {
      this.database.unsafeMode?.(false);
    }
  }

  /** The caller's connection may wait for locks on its own terms, but that would stop the event loop of everybody. */
  #withoutBusyHandler(work: () => void): void {
    const timeout = this.database.pragma("busy_timeout", { simple: true });
    if (timeout === 0 || timeout === 0n) {
      work();
      return;
    }
    this.database.pragma("busy_timeout = 0");
    try {
      work();
    } finally {
      this.database.pragma(`busy_timeout = ${String(timeout)}`);
    }
  }
}
