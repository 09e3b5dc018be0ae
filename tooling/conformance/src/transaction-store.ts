import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { AppendOptions, AppendResult, EventStore, Write } from "@es/core";
import type { ConformanceOptions } from "@es/store-conformance";
import { openSqliteEventStore } from "@es/store-sqlite";
import { delegate, listOf } from "./delegate.ts";

/** What a caller does in a transaction. */
type Work = (tx: unknown) => Promise<void>;

/** A store whose callers have transactions: the one base that the memory store cannot be. */
export interface TransactionStore {
  readonly store: EventStore<unknown>;
  /** Commits when `work` resolves; rolls back when it rejects, and rejects with the same error. */
  readonly transaction: (work: Work) => Promise<void>;
}

/** Options that run the kit on the SQLite store, each time in a temporary file, or on what `wrap` makes of each instance. */
export function transactionOptions(
  wrap: (right: TransactionStore) => TransactionStore = (right) => right,
): ConformanceOptions {
  return {
    declares: {
      atomicStreams: Number.POSITIVE_INFINITY,
      conditions: "query",
      transactions: true,
      shared: true,
      durability: "buffered",
    },
    open: async () => {
      const directory = await mkdtemp(join(tmpdir(), "es-conformance-"));
      const open = async (): Promise<TransactionStore> => {
        const store = await openSqliteEventStore({ path: join(directory, "events.db"), synchronous: "NORMAL" });
        return wrap({ store, transaction: (work) => store.transaction(work) });
      };
      return {
        ...(await open()),
        openAgain: async () => (await open()).store,
        close: () => rm(directory, { recursive: true, force: true }),
      };
    },
  };
}

/** A store whose transactions do what `changes` says, and the rest as it was. */
export function changeTransactions(
  right: TransactionStore,
  transaction: TransactionStore["transaction"],
  changes: Partial<EventStore<unknown>> = {},
): TransactionStore {
  return { store: delegate(right.store, changes), transaction };
}

/** Appends that take part in a transaction pass through `change`. */
export function changeJoinedAppends(
  { store, transaction }: TransactionStore,
  change: (writes: readonly Write[], options: AppendOptions<unknown>) => Promise<AppendResult>,
): TransactionStore {
  const append: EventStore<unknown>["append"] = async (writes, options) =>
    options?.tx === undefined ? store.append(writes, options) : change(listOf(writes), options);
  return { store: delegate(store, { append }), transaction };
}

/** Follows which transaction is open. SQLite has one at a time. */
export function followTransaction(right: TransactionStore): {
  readonly transaction: TransactionStore["transaction"];
  /** The open transaction, `undefined` when there is none. */
  readonly current: () => unknown;
} {
  let current: unknown;
  const transaction = (work: Work): Promise<void> =>
    right.transaction(async (tx) => {
      current = tx;
      try {
        await work(tx);
      } finally {
        current = undefined;
      }
    });
  return { transaction, current: () => current };
}
