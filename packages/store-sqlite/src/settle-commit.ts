import { type EventSourcingError, UnknownOutcomeError } from "@es/core";
import { isLocked, mayReappear, toStoreError } from "./driver-error.ts";
import { retryWhileLocked } from "./retry.ts";
import type { WriteConnection } from "./write-connection.ts";

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
