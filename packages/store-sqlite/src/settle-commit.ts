import { type EventSourcingError, UnknownOutcomeError } from "@es/core";
import { isLocked, mayReappear, toStoreError } from "./driver-error.ts";
import { retryWhileLocked } from "./retry.ts";
import type { WriteConnection } from "./write-connection.ts";
import type { PendingWrite } from "./write-task.ts";

/** What settling a failed commit needs. */
export interface SettleOptions {
  readonly connection: WriteConnection;
  readonly timeoutMs: number;
}

/**
 * Finds out what became of a COMMIT that failed with `failure`: resolves to `undefined` when it is committed after all, to
 * `UnknownOutcomeError` when that cannot be known, and to another error when nothing of it is stored.
 *
 * A locked COMMIT (only without a write-ahead log) leaves the transaction open and is tried again. After any other error
 * SQLite has rolled back. Where its pages might still be taken for committed after a crash (see `mayReappear`), one more
 * commit is made, which overwrites them; only if that fails as well is the outcome unknown.
 */
export async function settleFailedCommit(
  { connection, timeoutMs }: SettleOptions,
  failure: unknown,
  wasStored: () => boolean,
): Promise<EventSourcingError | undefined> {
  const deadline = performance.now() + timeoutMs;
  let last = failure;
  if (connection.database.open && connection.database.inTransaction && isLocked(failure)) {
    try {
      await retryWhileLocked(() => connection.commit(), deadline);
      return undefined;
    } catch (error) {
      last = error;
    }
  }
  connection.rollback();
  if (!mayReappear(last)) return toStoreError(last, "committing");
  try {
    if (await retryWhileLocked(() => fence(connection, wasStored), deadline)) return undefined;
  } catch {
    return new UnknownOutcomeError(
      "the disk failed while committing, and again while finding out whether anything was stored; repeat the call with the same event ids",
      { cause: last },
    );
  }
  return toStoreError(last, "committing");
}

/** As {@link settleFailedCommit}, for a group of writes. Resolves to what reports its outcome to each of them. */
export async function settleFailedGroup(
  options: SettleOptions,
  failure: unknown,
  group: readonly PendingWrite[],
): Promise<() => void> {
  let standing: readonly PendingWrite[] = [];
  const wasCommitted = (): boolean => {
    standing = group.filter((write) => !write.isProof() && write.isStored());
    const proofs = group.filter((write) => write.isProof());
    return proofs.length > 0 && proofs.every((write) => write.isStored());
  };
  const outcome = await settleFailedCommit(options, failure, wasCommitted);
  return () => {
    for (const write of standing) write.settle();
    for (const write of group) {
      if (standing.includes(write)) continue;
      if (outcome === undefined) write.settle();
      else write.fail(outcome);
    }
  };
}

/** Commits a change that changes nothing; returns what `wasStored` saw in that transaction. */
function fence(connection: WriteConnection, wasStored: () => boolean): boolean {
  connection.begin();
  try {
    const found = wasStored();
    connection.database.exec("UPDATE es_meta SET value = value WHERE key = 'format'");
    connection.commit();
    return found;
  } catch (error) {
    connection.rollback();
    throw error;
  }
}
