import { type AppendResult, isEventSourcingError, StoreUnavailableError } from "@es/core";
import type { BrokenTransactionStore } from "../broken-store.ts";
import { forever, listOf } from "../delegate.ts";
import { changeTransactions, type TransactionStore } from "../transaction-store.ts";

/** Commits even when `work` rejects with an error that `isKept` says yes to, and rejects with it all the same. */
function commitAfter(right: TransactionStore, isKept: (error: unknown) => boolean): TransactionStore {
  return changeTransactions(right, async (work) => {
    const errors: unknown[] = [];
    await right.transaction(async (tx) => {
      try {
        await work(tx);
      } catch (error) {
        if (!isKept(error)) throw error;
        errors.push(error);
      }
    });
    for (const error of errors) throw error;
  });
}

/** Stores whose transactions begin or end wrongly. */
export const brokenTransactions: readonly BrokenTransactionStore[] = [
  {
    fault: "rolls back what it was to commit",
    rejectedBy: ["transactions.commit", "transactions.invisible-before-commit", "transactions.one-after-the-other"],
    base: "sqlite",
    breakStore: (right) =>
      changeTransactions(right, async (work) => {
        const undo = new Error("not committed");
        const ended = right.transaction(async (tx) => {
          await work(tx);
          throw undo;
        });
        await ended.catch((error: unknown) => {
          if (error !== undo) throw error;
        });
      }),
  },
  {
    fault: "stores everything at once and begins no transaction",
    rejectedBy: ["transactions.rollback", "transactions.invisible-before-commit", "transactions.conflict"],
    base: "sqlite",
    breakStore: (right) => changeTransactions(right, (work) => work(undefined)),
  },
  {
    fault: "commits what it was to roll back",
    rejectedBy: ["transactions.rollback", "transactions.conflict"],
    base: "sqlite",
    breakStore: (right) => commitAfter(right, () => true),
  },
  {
    fault: "commits what a transaction has appended before a conflict",
    rejectedBy: ["transactions.conflict"],
    base: "sqlite",
    breakStore: (right) => commitAfter(right, (error) => isEventSourcingError(error, "ES_CONCURRENCY")),
  },
  {
    fault: "rolls back and says nothing of the error",
    rejectedBy: ["transactions.rollback", "transactions.conflict"],
    base: "sqlite",
    breakStore: (right) =>
      changeTransactions(right, async (work) => {
        await right.transaction(work).catch(() => undefined);
      }),
  },
  {
    fault: "rejects with an error of its own instead of the one that the work ended with",
    rejectedBy: ["transactions.rollback", "transactions.conflict"],
    base: "sqlite",
    breakStore: (right) =>
      changeTransactions(right, async (work) => {
        await right.transaction(work).catch((cause: unknown) => {
          throw new Error("the transaction was rolled back", { cause });
        });
      }),
  },
  {
    fault: "stays locked after a rollback",
    rejectedBy: ["transactions.rollback"],
    base: "sqlite",
    breakStore: (right) => {
      let isLocked = false;
      const transaction: TransactionStore["transaction"] = async (work) => {
        await right.transaction(work).catch((error: unknown) => {
          isLocked = true;
          throw error;
        });
      };
      return changeTransactions(right, transaction, {
        append: async (writes, options) => {
          if (isLocked) throw new StoreUnavailableError("the database is locked");
          return right.store.append(writes, options);
        },
      });
    },
  },
  {
    fault: "lets live reads wait for ever for what was rolled back",
    rejectedBy: ["transactions.rollback"],
    base: "sqlite",
    breakStore: (right) => {
      let hasGap = false;
      const transaction: TransactionStore["transaction"] = async (work) => {
        await right.transaction(work).catch((error: unknown) => {
          hasGap = true;
          throw error;
        });
      };
      return changeTransactions(right, transaction, {
        async *readAll(options) {
          for await (const page of right.store.readAll(options)) {
            if (hasGap && options?.live) await forever();
            yield page;
          }
        },
      });
    },
  },
  {
    fault: "loses a plain append while a transaction waits or runs",
    rejectedBy: ["transactions.one-after-the-other"],
    base: "sqlite",
    breakStore: (right) => {
      let transactions = 0;
      const transaction: TransactionStore["transaction"] = async (work) => {
        transactions += 1;
        await right.transaction(work).finally(() => {
          transactions -= 1;
        });
      };
      return changeTransactions(right, transaction, {
        append: async (writes, options): Promise<AppendResult> => {
          if (transactions === 0 || options?.tx !== undefined) return right.store.append(writes, options);
          const versions = listOf(writes).map(({ events }) => events.length);
          return { position: await right.store.head(), versions, duplicate: false };
        },
      });
    },
  },
  {
    fault: "skips a transaction while another one waits or runs",
    rejectedBy: ["transactions.one-after-the-other"],
    base: "sqlite",
    breakStore: (right) => {
      let isBusy = false;
      return changeTransactions(right, async (work) => {
        if (isBusy) return;
        isBusy = true;
        await right.transaction(work).finally(() => {
          isBusy = false;
        });
      });
    },
  },
  {
    fault: "begins to read before it has the lock, so that a transaction that had to wait for it fails",
    rejectedBy: ["transactions.one-after-the-other"],
    base: "sqlite",
    breakStore: (right) =>
      changeTransactions(right, async (work) => {
        const before = await right.store.head();
        await right.transaction(async (tx) => {
          if ((await right.store.head()) !== before) throw new StoreUnavailableError("the snapshot is out of date");
          await work(tx);
        });
      }),
  },
];
