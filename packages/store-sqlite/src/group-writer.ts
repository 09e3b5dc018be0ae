import { StoreClosedError, StoreUnavailableError } from "@es/core";
import { throwIfAborted } from "@es/core/adapter";
import { CallersTransaction, type CallersTransactionOptions } from "./callers-transaction.ts";
import { isLocked, mayReappear, toStoreError } from "./driver-error.ts";
import { LineExpiry } from "./line-expiry.ts";
import { settleFailedGroup } from "./settle-commit.ts";
import type { SqliteDatabase } from "./sqlite-database.ts";
import { Turns } from "./turns.ts";
import { ForeignTransaction } from "./write-connection.ts";
import { WriteLine } from "./write-line.ts";
import { awaited, type PendingTransaction, type PendingWrite, WaitingTask, type WriteTask } from "./write-task.ts";

/** Options of {@link GroupWriter}. */
export interface GroupWriterOptions extends CallersTransactionOptions {
  readonly maxPending: number;
}

/**
 * Group commit. Writes that arrive during one turn of the event loop share one transaction, and so one sync of the disk;
 * each has its own verdict. All of it runs synchronously between two turns, so nobody on this connection ever sees it half
 * done. A write that fails for an unexpected reason takes the transaction with it; each of its writes is then run alone, so
 * that only the bad one fails.
 *
 * While another process holds the lock, or a `transaction` is at work, the writes wait in line and expire one by one.
 */
export class GroupWriter {
  readonly #options: GroupWriterOptions;
  readonly #line = new WriteLine();
  readonly #turns = new Turns(() => this.#turn());
  readonly #expiry: LineExpiry;
  readonly #callers: CallersTransaction;
  /** Whether a transaction stays open across turns: a caller's, or a commit that is being settled. */
  #isHeld = false;
  #isClosing = false;
  #whenIdle: (() => void) | undefined;

  constructor(options: GroupWriterOptions) {
    this.#options = options;
    this.#callers = new CallersTransaction(options);
    this.#expiry = new LineExpiry(this.#line, options.timeoutMs, () =>
      this.#callers.isRunning
        ? "a transaction() of this store was running all that time; inside of it, pass { tx } to append and to the registers"
        : "an earlier commit is still being settled",
    );
  }

  /** Whether work of {@link transaction} is running. */
  get isInTransaction(): boolean {
    return this.#callers.isRunning;
  }

  /** Runs the task in the next transaction and resolves once that is committed. Throws at once when it cannot wait in line. */
  submit<Result>(task: WriteTask<Result>, signal: AbortSignal | undefined): Promise<Result> {
    this.#assertUsable(signal);
    if (this.#line.length >= this.#options.maxPending) {
      throw new StoreUnavailableError(
        `${this.#line.length} writes already wait for their turn; nothing was written, await some of them and try again`,
      );
    }
    const settled = awaited<Result>(signal, () => this.#leave(pending));
    const pending: PendingWrite = new WaitingTask(task, performance.now() + this.#options.timeoutMs, settled);
    this.#enter(pending);
    return settled.promise;
  }

  /** Runs `work` in a transaction of its own, which no other write joins. */
  async transaction<Result>(
    work: (tx: SqliteDatabase) => Promise<Result>,
    signal: AbortSignal | undefined,
  ): Promise<Result> {
    this.#assertUsable(signal);
    const settled = awaited<Result>(signal, () => this.#leave(pending));
    const pending: PendingTransaction = {
      deadline: performance.now() + this.#options.timeoutMs,
      start: () => {
        try {
          this.#callers.begin();
        } catch (error) {
          settled.reject(toStoreError(error, "beginning a transaction"));
          this.#release();
          return;
        }
        void this.#callers
          .run(work)
          .then(settled.resolve, settled.reject)
          .finally(() => this.#release());
      },
      fail: settled.reject,
    };
    this.#enter(pending);
    return settled.promise;
  }

  /** Lets what waits have its turn, refuses what comes, and gives up what has not ended in time. */
  async close(): Promise<void> {
    this.#isClosing = true;
    if (!this.#isIdle()) {
      const { promise, resolve } = Promise.withResolvers<void>();
      const giveUp = setTimeout(resolve, this.#options.timeoutMs);
      this.#whenIdle = resolve;
      await promise;
      clearTimeout(giveUp);
    }
    for (const entry of this.#line.takeAll()) entry.fail(new StoreClosedError());
    this.#expiry.stop();
    this.#callers.cutOff();
  }

  #assertUsable(signal: AbortSignal | undefined): void {
    if (this.#isClosing) throw new StoreClosedError();
    throwIfAborted(signal);
  }

  #isIdle(): boolean {
    return this.#line.length === 0 && !this.#isHeld;
  }

  #reportIdle(): void {
    if (this.#isIdle()) this.#whenIdle?.();
  }

  #enter(entry: PendingWrite | PendingTransaction): void {
    this.#line.push(entry);
    if (this.#isHeld) this.#expiry.watch();
    else this.#schedule();
  }

  #leave(entry: PendingWrite | PendingTransaction): boolean {
    const wasInLine = this.#line.remove(entry);
    this.#reportIdle();
    return wasInLine;
  }

  #schedule(): void {
    if (this.#turns.isScheduled || this.#isHeld) return;
    if (this.#line.length === 0) {
      this.#reportIdle();
      return;
    }
    this.#turns.schedule();
  }

  #hold(): void {
    this.#isHeld = true;
    this.#expiry.watch();
  }

  #release(): void {
    this.#callers.end();
    this.#isHeld = false;
    this.#expiry.stop();
    this.#schedule();
  }

  #turn(): void {
    if (this.#line.length === 0) {
      this.#reportIdle();
      return;
    }
    try {
      this.#options.connection.file?.assert();
      if (this.#tryBare()) return;
      this.#options.connection.begin();
    } catch (error) {
      this.#onNoBegin(error);
      return;
    }
    const next = this.#line.take();
    this.#turns.began(!("start" in next) && next.length === 1);
    if ("start" in next) {
      this.#hold();
      next.start();
    } else {
      this.#runGroup(next);
    }
  }

  /**
   * A write that is alone may need no BEGIN and COMMIT. What goes wrong with that the usual way will find out again, unless
   * it was in its commit.
   */
  #tryBare(): boolean {
    const { connection } = this.#options;
    if (connection.isForeign || !connection.database.open || connection.database.inTransaction) return false;
    const only = this.#line.onlyWrite();
    try {
      if (only === undefined || !only.runBare()) return false;
    } catch (error) {
      if (only === undefined || !mayReappear(error)) return false;
      this.#line.take();
      this.#settle([only], error);
      return true;
    }
    this.#line.take();
    only.settle();
    this.#turns.began(true);
    this.#schedule();
    return true;
  }

  #runGroup(group: readonly PendingWrite[]): void {
    const { connection } = this.#options;
    try {
      for (const write of group) write.run();
    } catch (error) {
      connection.rollback();
      this.#onFailedGroup(group, error);
      return;
    }
    try {
      connection.commit();
    } catch (error) {
      this.#settle(group, error);
      return;
    }
    for (const write of group) write.settle();
    this.#schedule();
  }

  #settle(group: readonly PendingWrite[], failure: unknown): void {
    this.#hold();
    void settleFailedGroup(this.#options, failure, group).then((report) => {
      report();
      this.#release();
    });
  }

  #onFailedGroup(group: readonly PendingWrite[], error: unknown): void {
    if (isLocked(error)) {
      this.#line.putBack(group);
      this.#onNoBegin(error);
      return;
    }
    if (group.length === 1) {
      for (const write of group) write.fail(toStoreError(error, "writing"));
    } else {
      for (const write of group) write.isAlone = true;
      this.#line.putBack(group);
    }
    this.#schedule();
  }

  #onNoBegin(error: unknown): void {
    const isForeign = error instanceof ForeignTransaction;
    if (!isForeign && !isLocked(error)) {
      const failure = toStoreError(error, "beginning a transaction");
      for (const entry of this.#line.takeAll()) entry.fail(failure);
      this.#reportIdle();
      return;
    }
    this.#expiry.expire(
      isForeign
        ? "the Database that the store was given was in a transaction of its owner all that time; inside of it, pass { tx }"
        : "the database was locked by another process or connection all that time",
      error,
    );
    if (this.#line.length === 0) {
      this.#reportIdle();
      return;
    }
    this.#turns.scheduleRetry();
  }
}
