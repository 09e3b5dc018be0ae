import { ConfigurationError } from "@es/core";
import { AppendStatements } from "./append-statements.ts";
import type { CommittedView } from "./committed-view.ts";
import { toStoreError } from "./driver-error.ts";
import { identityOf } from "./inspect-file.ts";
import { RegisterStatements } from "./register-statements.ts";
import { prepareCommand, type SqliteDatabase } from "./sqlite-database.ts";

/** Statements on the connection of a caller's transaction. */
export interface JoinedStatements {
  readonly appends: AppendStatements;
  readonly registers: RegisterStatements;
  /** Runs `work` so that it leaves nothing behind when it throws, while the transaction goes on. */
  guarded<Result>(work: () => Result): Result;
}

/** Takes part in transactions of callers, on the store's connection or on another one to the same file. */
export class TransactionJoiner {
  readonly #identity: string;
  readonly #known = new WeakMap<SqliteDatabase, JoinedStatements>();

  /** `view` is that of reads which share the connection `database`. */
  constructor(identity: string, shared: { readonly database: SqliteDatabase; readonly view: CommittedView }) {
    this.#identity = identity;
    this.#known.set(shared.database, joinedStatements(shared.database, shared.view));
  }

  /** @throws ConfigurationError when `tx` is not an open transaction on the store's own database */
  join(tx: SqliteDatabase): JoinedStatements {
    if (typeof tx !== "object" || tx === null || typeof tx.prepare !== "function") {
      throw new ConfigurationError(
        "tx is not a better-sqlite3 Database; pass what transaction() gave to its work, or your own Database",
      );
    }
    if (!tx.open)
      throw new ConfigurationError("tx is a database connection that is closed; pass one with an open transaction");
    if (!tx.inTransaction) {
      throw new ConfigurationError(
        "tx is a database connection without an open transaction; use it inside transaction(), or run BEGIN IMMEDIATE first",
      );
    }
    const known = this.#known.get(tx);
    if (known !== undefined) return known;
    this.#assertSameStore(tx);
    const statements = joinedStatements(tx);
    this.#known.set(tx, statements);
    return statements;
  }

  #assertSameStore(tx: SqliteDatabase): void {
    let identity: string | undefined;
    let cause: unknown;
    try {
      identity = identityOf(tx);
    } catch (error) {
      cause = error;
    }
    if (identity === this.#identity) return;
    throw new ConfigurationError(
      `tx is a transaction on another database (${JSON.stringify(tx.name)}), which does not hold this event log; pass one on the store's own file`,
      { cause },
    );
  }
}

function joinedStatements(tx: SqliteDatabase, view?: CommittedView): JoinedStatements {
  const savepoint = prepareCommand(tx, "SAVEPOINT es_joined");
  const release = prepareCommand(tx, "RELEASE es_joined");
  const rollback = prepareCommand(tx, "ROLLBACK TO es_joined");
  return {
    appends: new AppendStatements(tx),
    registers: new RegisterStatements(tx, view),
    guarded(work) {
      try {
        savepoint.run();
        try {
          const result = work();
          release.run();
          return result;
        } catch (error) {
          // SQLite ends the whole transaction after some errors, and then there is nothing to go back to.
          if (tx.inTransaction) {
            rollback.run();
            release.run();
          }
          throw error;
        }
      } catch (error) {
        throw toStoreError(error, "writing in the caller's transaction (begin it with BEGIN IMMEDIATE)");
      }
    },
  };
}
