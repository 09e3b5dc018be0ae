import { ConfigurationError, StoreClosedError } from "@es/core";
import { endsTransaction } from "./driver-error.ts";
import { type SettleOptions, settleFailedCommit } from "./settle-commit.ts";
import type { SqliteDatabase } from "./sqlite-database.ts";

/** Options of {@link CallersTransaction}. */
export interface CallersTransactionOptions extends SettleOptions {
  /** Called when a caller's transaction begins, and when it has ended one way or the other. */
  readonly onTransaction: (state: "begun" | "ended") => void;
}

/** The transaction that work of a caller runs in, which stays open across turns of the event loop. One at a time. */
export class CallersTransaction {
  readonly #options: CallersTransactionOptions;
  #isRunning = false;
  /** Whether closing rolled a transaction back whose work goes on; what is open on the connection since is not its own. */
  #isCutOff = false;

  constructor(options: CallersTransactionOptions) {
    this.#options = options;
  }

  /** Whether work is running. */
  get isRunning(): boolean {
    return this.#isRunning;
  }

  /** The transaction was begun on the connection. When this throws, it is rolled back, and still has to be ended. */
  begin(): void {
    this.#isRunning = true;
    try {
      this.#options.onTransaction("begun");
    } catch (error) {
      this.#options.connection.rollback();
      throw error;
    }
  }

  /** Runs the work, and commits it. */
  async run<Result>(work: (tx: SqliteDatabase) => Promise<Result>): Promise<Result> {
    const { connection } = this.#options;
    let result: Result;
    try {
      result = await work(connection.database);
    } catch (error) {
      if (!this.#isCutOff && !endsTransaction(error)) assertInTransaction(connection, error);
      if (!this.#isCutOff) connection.rollback();
      throw error;
    }
    if (this.#isCutOff) {
      throw new StoreClosedError("the event store was closed while the transaction was running; it was rolled back");
    }
    assertInTransaction(connection);
    try {
      connection.commit();
    } catch (error) {
      const failure = await settleFailedCommit(this.#options, error, () => false);
      if (failure !== undefined) throw failure;
    }
    return result;
  }

  /** It has ended, one way or the other. */
  end(): void {
    if (this.#isRunning) this.#options.onTransaction("ended");
    this.#isRunning = false;
  }

  /** Rolls it back under its work. */
  cutOff(): void {
    if (!this.#isRunning) return;
    this.#isCutOff = true;
    this.#options.connection.rollback();
  }
}

/** @throws ConfigurationError when the work has ended the transaction: to repeat it could double what it has committed */
function assertInTransaction({ database }: SettleOptions["connection"], cause?: unknown): void {
  if (database.open && database.inTransaction) return;
  throw new ConfigurationError(
    "the transaction's work ended the transaction itself; leave COMMIT and ROLLBACK to transaction()",
    { cause },
  );
}
