import { ConfigurationError, StoreClosedError, UnknownOutcomeError } from "@es/core";
import { throwIfAborted } from "@es/core/adapter";
import { TRANSACTION } from "./append-statement.ts";
import { isConnectionLost, toStoreError } from "./driver-error.ts";
import type { TransactionJoiner } from "./joined-transaction.ts";
import { lendClient } from "./lent-client.ts";
import { isCommitted } from "./lost-answer.ts";
import type { PostgresClient } from "./postgres-driver.ts";
import type { Borrowed, QueryRunner } from "./query-runner.ts";
import { statementOf } from "./statement.ts";
import { now, withinLimit } from "./time-limit.ts";

const TRANSACTION_ID = statementOf(
  `SELECT CASE WHEN pg_current_xact_id_if_assigned() IS NOT NULL THEN ${TRANSACTION} END`,
);

/** Runs transactions of callers on connections of the store. */
export class TransactionRunner {
  readonly #runner: QueryRunner;
  readonly #reader: QueryRunner;
  readonly #joiner: TransactionJoiner;
  readonly #isOwn: boolean;
  readonly #begin: string;
  readonly #onCommitted: () => void;
  readonly #open = new Set<Borrowed>();
  readonly #running = new Set<Promise<unknown>>();
  readonly #committing = new Set<Promise<unknown>>();
  #isClosing = false;

  constructor(
    runner: QueryRunner,
    {
      reader,
      joiner,
      isOwn,
      idleTimeoutMs,
      onCommitted,
    }: {
      readonly reader: QueryRunner;
      readonly joiner: TransactionJoiner;
      /** Whether the connections are the store's own, and lead straight to the server. */
      readonly isOwn: boolean;
      /** The server ends a transaction that does nothing for so long. */
      readonly idleTimeoutMs: number;
      readonly onCommitted: () => void;
    },
  ) {
    this.#isOwn = isOwn;
    this.#begin = `BEGIN ISOLATION LEVEL READ COMMITTED; SET LOCAL idle_in_transaction_session_timeout = ${idleTimeoutMs}`;
    this.#joiner = joiner;
    this.#runner = runner;
    this.#reader = reader;
    this.#onCommitted = onCommitted;
  }

  /** How many are running. */
  get running(): number {
    return this.#running.size;
  }

  /** Runs `work` in a transaction of its own. */
  run<Result>(work: (tx: PostgresClient) => Promise<Result>, signal: AbortSignal | undefined): Promise<Result> {
    const running = this.#run(work, signal);
    this.#running.add(running);
    const forget = (): void => {
      this.#running.delete(running);
    };
    running.then(forget, forget);
    return running;
  }

  /** Lets transactions come to their end, and cuts those that have not in time. */
  async close(): Promise<void> {
    this.#isClosing = true;
    await this.#withinTime(this.#running);
    for (const connection of this.#open) connection.release(true);
    this.#open.clear();
    // What was cut in the middle of its COMMIT is still to be settled, and needs the connections for reading.
    await this.#withinTime(this.#committing);
  }

  async #withinTime(work: ReadonlySet<Promise<unknown>>): Promise<void> {
    const deadline = now() + this.#runner.timeoutMs;
    const late = (): Error => new Error("late");
    await withinLimit(Promise.allSettled(work), { deadline, late }).catch(() => undefined);
  }

  async #run<Result>(work: (tx: PostgresClient) => Promise<Result>, signal: AbortSignal | undefined): Promise<Result> {
    throwIfAborted(signal);
    let connection: Borrowed;
    try {
      connection = await this.#runner.borrow({ deadline: now() + this.#runner.timeoutMs, signal });
    } catch (error) {
      throw toStoreError(error, "beginning a transaction");
    }
    this.#open.add(connection);
    const tx = lendClient(connection.client);
    this.#joiner.begin(tx, { client: connection.client, isOwn: this.#isOwn });
    let isBroken = true;
    let isCommitting = false;
    try {
      await this.#runner.command(connection, this.#begin).catch((error: unknown) => {
        throw toStoreError(error, "beginning a transaction");
      });
      const result = await this.#work({ connection, tx }, work);
      isCommitting = true;
      const committing = this.#commit(connection, tx);
      this.#committing.add(committing);
      await committing.finally(() => this.#committing.delete(committing));
      isBroken = false;
      this.#onCommitted();
      return result;
    } catch (error) {
      // Cut in the middle of its COMMIT, it may have been committed, and the error says what was found out about that.
      if (!this.#open.has(connection) && isCommitting) throw error;
      if (!this.#open.has(connection)) {
        throw new StoreClosedError("the event store was closed while the transaction was running; it was rolled back", {
          cause: error,
        });
      }
      isBroken = !(await this.#rollback(connection));
      throw error;
    } finally {
      if (this.#open.delete(connection)) connection.release(isBroken);
    }
  }

  async #work<Result>(
    { connection, tx }: { readonly connection: Borrowed; readonly tx: PostgresClient },
    work: (tx: PostgresClient) => Promise<Result>,
  ): Promise<Result> {
    let result: Result;
    try {
      result = await work(tx);
    } catch (error) {
      assertOpen(connection, error);
      throw error;
    } finally {
      await this.#joiner.end(tx);
    }
    if (this.#isClosing && !this.#open.has(connection)) throw new StoreClosedError();
    return result;
  }

  async #commit(connection: Borrowed, tx: PostgresClient): Promise<void> {
    assertOpen(connection);
    let transaction: string | null = null;
    try {
      transaction = (await this.#runner.query(connection, TRANSACTION_ID, []))[0]?.[0] ?? null;
      await this.#runner.command(connection, "COMMIT");
    } catch (error) {
      if (!isConnectionLost(error) || transaction === null)
        throw toStoreError(error, "committing; nothing was written");
      await this.#settle(tx, transaction, error);
    }
  }

  /** Returns when the transaction was committed after all. */
  async #settle(tx: PostgresClient, transaction: string, lost: unknown): Promise<void> {
    let isStored: boolean | undefined;
    try {
      const mayBe = await isCommitted(
        (statement, values) => this.#reader.read(statement, values, { doing: "looking for a lost transaction" }),
        transaction,
        this.#reader.timeoutMs,
      );
      isStored = mayBe ? await this.#joiner.isStored(tx) : false;
      // After a crash of the server the number may be that of another transaction.
      if (mayBe && isStored !== true) throw new Error("no event of it shows that it is the one that was committed");
    } catch (error) {
      throw new UnknownOutcomeError(
        "the connection to PostgreSQL was lost while committing, and the server could not tell what became of it; look at what the transaction wrote before you repeat it",
        { cause: new AggregateError([lost, error], "the answer was lost, and asking for it failed") },
      );
    }
    if (!isStored) throw toStoreError(lost, "committing; nothing was written");
  }

  async #rollback(connection: Borrowed): Promise<boolean> {
    try {
      await this.#runner.command(connection, "ROLLBACK");
      return true;
    } catch {
      return false;
    }
  }
}

/** @throws ConfigurationError when the work has ended the transaction: to repeat it could double what it has committed */
function assertOpen({ client, isLost }: Borrowed, cause?: unknown): void {
  if (isLost() || client.getTransactionStatus?.() !== "I") return;
  throw new ConfigurationError(
    "the transaction's work ended the transaction itself; leave COMMIT and ROLLBACK to transaction()",
    { cause },
  );
}
