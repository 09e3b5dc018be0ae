import { ConfigurationError, type EventSourcingError, StoreClosedError, StoreUnavailableError } from "@es/core";
import { throwIfAborted } from "@es/core/adapter";
import { endsTransaction, isLocked, mayReappear, toStoreError } from "./driver-error.ts";
import { retryDelayMs } from "./retry.ts";
import { type SettleOptions, settleFailedCommit } from "./settle-commit.ts";
import type { SqliteDatabase } from "./sqlite-database.ts";
import { ForeignTransaction } from "./write-connection.ts";
import { WriteLine } from "./write-line.ts";
import { awaited, type PendingTransaction, type PendingWrite, WaitingTask, type WriteTask } from "./write-task.ts";

/** How long one writer that always awaits may go on within one turn of the event loop. */
const SEQUENTIAL_MS = 1;

/** Options of {@link GroupWriter}. */
export interface GroupWriterOptions extends SettleOptions {
  readonly maxPending: number;
  /** Called when a caller's transaction begins, and when it has ended one way or the other. */
  readonly onTransaction: (state: "begun" | "ended") => void;
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
  #isScheduled = false;
  /** Whether a transaction stays open across turns: a caller's, or a commit that is being settled. */
  #isHeld = false;
  #isInTransaction = false;
  #isClosing = false;
  /** Whether closing rolled a transaction back whose work goes on; what is open on the connection since is not its own. */
  #isCutOff = false;
  #attempts = 0;
  /** Whether the last transaction was a single write, so that its writer is likely to be the only one. */
  #isSequential = false;
  /** When the last turn of the event loop began. */
  #turnedAt = 0;
  #expiry: NodeJS.Timeout | undefined;
  #whenIdle: (() => void) | undefined;

  constructor(options: GroupWriterOptions) {
    this.#options = options;
  }

  /** Whether work of {@link transaction} is running. */
  get isInTransaction(): boolean {
    return this.#isInTransaction;
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
        this.#isInTransaction = true;
        try {
          this.#options.onTransaction("begun");
        } catch (error) {
          this.#options.connection.rollback();
          settled.reject(toStoreError(error, "beginning a transaction"));
          this.#release();
          return;
        }
        void this.#runWork(work)
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
    clearTimeout(this.#expiry);
    if (this.#isInTransaction) {
      this.#isCutOff = true;
      this.#options.connection.rollback();
    }
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
    if (this.#isHeld) this.#watchExpiry();
    else this.#schedule();
  }

  #leave(entry: PendingWrite | PendingTransaction): boolean {
    const wasInLine = this.#line.remove(entry);
    this.#reportIdle();
    return wasInLine;
  }

  #schedule(): void {
    if (this.#isScheduled || this.#isHeld) return;
    if (this.#line.length === 0) {
      this.#reportIdle();
      return;
    }
    this.#isScheduled = true;
    // Going round the event loop costs a lone writer a tenth of its speed and can bring company only if there is any. With
    // company the next group has more than one, and from then on they meet in the same turn.
    if (this.#isSequential && performance.now() - this.#turnedAt < SEQUENTIAL_MS) queueMicrotask(this.#turn);
    else setImmediate(this.#nextTurn);
  }

  readonly #nextTurn = (): void => {
    this.#turnedAt = performance.now();
    this.#turn();
  };

  #hold(): void {
    this.#isHeld = true;
    this.#watchExpiry();
  }

  #release(): void {
    if (this.#isInTransaction) this.#options.onTransaction("ended");
    this.#isHeld = false;
    this.#isInTransaction = false;
    clearTimeout(this.#expiry);
    this.#expiry = undefined;
    this.#schedule();
  }

  readonly #turn = (): void => {
    this.#isScheduled = false;
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
    this.#attempts = 0;
    const next = this.#line.take();
    this.#isSequential = !("start" in next) && next.length === 1;
    if ("start" in next) {
      this.#hold();
      next.start();
    } else {
      this.#runGroup(next);
    }
  };

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
    this.#attempts = 0;
    this.#line.take();
    only.settle();
    this.#isSequential = true;
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
    report(group, undefined);
    this.#schedule();
  }

  #settle(group: readonly PendingWrite[], failure: unknown): void {
    this.#hold();
    let standing: readonly PendingWrite[] = [];
    const wasCommitted = (): boolean => {
      standing = group.filter((write) => !write.isProof() && write.isStored());
      const proofs = group.filter((write) => write.isProof());
      return proofs.length > 0 && proofs.every((write) => write.isStored());
    };
    void settleFailedCommit(this.#options, failure, wasCommitted).then((outcome) => {
      report(standing, undefined);
      report(
        group.filter((write) => !standing.includes(write)),
        outcome,
      );
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

  async #runWork<Result>(work: (tx: SqliteDatabase) => Promise<Result>): Promise<Result> {
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

  #onNoBegin(error: unknown): void {
    const isForeign = error instanceof ForeignTransaction;
    if (!isForeign && !isLocked(error)) {
      const failure = toStoreError(error, "beginning a transaction");
      for (const entry of this.#line.takeAll()) entry.fail(failure);
      this.#reportIdle();
      return;
    }
    this.#expire(
      isForeign
        ? "the Database that the store was given was in a transaction of its owner all that time; inside of it, pass { tx }"
        : "the database was locked by another process or connection all that time",
      error,
    );
    if (this.#line.length === 0) {
      this.#reportIdle();
      return;
    }
    this.#isScheduled = true;
    this.#attempts += 1;
    setTimeout(this.#nextTurn, retryDelayMs(this.#attempts));
  }

  #watchExpiry(): void {
    const { nextDeadline } = this.#line;
    if (this.#expiry !== undefined || nextDeadline === undefined) return;
    const expire = (): void => {
      this.#expiry = undefined;
      this.#expire(
        this.#isInTransaction
          ? "a transaction() of this store was running all that time; inside of it, pass { tx } to append and to the registers"
          : "an earlier commit is still being settled",
      );
      this.#watchExpiry();
    };
    this.#expiry = setTimeout(expire, Math.max(0, nextDeadline - performance.now()) + 1);
  }

  #expire(reason: string, cause?: unknown): void {
    const { timeoutMs } = this.#options;
    for (const entry of this.#line.takeExpired(performance.now())) {
      entry.fail(
        new StoreUnavailableError(
          `the write waited ${timeoutMs} ms and was not begun, nothing was written: ${reason}`,
          { cause },
        ),
      );
    }
  }
}

function report(group: readonly PendingWrite[], failure: EventSourcingError | undefined): void {
  for (const write of group) {
    if (failure === undefined) write.settle();
    else write.fail(failure);
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
