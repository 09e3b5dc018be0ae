import { ConcurrencyError, isEventSourcingError, type Write } from "@es/core";
import type { BrokenTransactionStore } from "../broken-store.ts";
import { delegateRegisters, versionOf } from "../delegate.ts";
import { changeJoinedAppends, changeTransactions } from "../transaction-store.ts";

/** Stores that get an append wrong that takes part in a transaction. */
const brokenAppends: readonly BrokenTransactionStore[] = [
  {
    fault: "answers with versions that leave out what the transaction has appended before",
    rejectedBy: ["transactions.commit"],
    base: "sqlite",
    breakStore: (right) =>
      changeJoinedAppends(right, async (writes, options) => {
        const result = await right.store.append(writes, options);
        const versions = writes.map(
          async ({ streamId, events }) => (await versionOf(right.store, streamId)) + events.length,
        );
        return { ...result, versions: await Promise.all(versions) };
      }),
  },
  {
    fault: "ignores the expected version in a transaction",
    rejectedBy: ["transactions.conflict"],
    base: "sqlite",
    breakStore: (right) =>
      changeJoinedAppends(right, (writes, options) => {
        const unchecked = writes.map((write): Write => ({ ...write, expected: "any" }));
        return right.store.append(unchecked, options);
      }),
  },
  {
    fault: "reports a conflict in a transaction with the error of its database",
    rejectedBy: ["transactions.conflict"],
    base: "sqlite",
    breakStore: (right) =>
      changeJoinedAppends(right, async (writes, options) => {
        try {
          return await right.store.append(writes, options);
        } catch (error) {
          if (!isEventSourcingError(error, "ES_CONCURRENCY")) throw error;
          throw new Error("UNIQUE constraint failed: es_events.stream, es_events.version", { cause: error });
        }
      }),
  },
  {
    fault: "takes a repetition in a transaction for a conflict",
    rejectedBy: ["transactions.retry"],
    base: "sqlite",
    breakStore: (right) =>
      changeJoinedAppends(right, async (writes, options) => {
        const result = await right.store.append(writes, options);
        for (const { streamId, expected } of result.duplicate ? writes : []) {
          throw new ConcurrencyError({ streamId, expected, actual: await versionOf(right.store, streamId) });
        }
        return result;
      }),
  },
  {
    fault: "answers a repetition in a transaction as if it were new",
    rejectedBy: ["transactions.retry"],
    base: "sqlite",
    breakStore: (right) =>
      changeJoinedAppends(right, async (writes, options) => ({
        ...(await right.store.append(writes, options)),
        duplicate: false,
      })),
  },
];

/** Stores whose registers take part in a transaction wrongly. */
const brokenRegisters: readonly BrokenTransactionStore[] = [
  {
    fault: "sets no register in a transaction",
    rejectedBy: ["transactions.commit", "transactions.invisible-before-commit", "transactions.registers"],
    base: "sqlite",
    breakStore: ({ store, transaction }) => ({
      store: delegateRegisters(store, {
        set: async (key, value, options) => (options?.tx === undefined ? store.registers.set(key, value, options) : 1),
      }),
      transaction,
    }),
  },
  {
    fault: "sets registers outside of the transaction, when it has ended one way or the other",
    rejectedBy: ["transactions.rollback", "transactions.invisible-before-commit", "transactions.registers"],
    base: "sqlite",
    breakStore: (right) => {
      const { registers } = right.store;
      const waiting: (() => Promise<unknown>)[] = [];
      const store = delegateRegisters(right.store, {
        set: async (key, value, { tx, ...options } = {}) => {
          if (tx === undefined) return registers.set(key, value, options);
          waiting.push(() => registers.set(key, value));
          return ((await registers.get(key))?.revision ?? 0) + 1;
        },
      });
      return changeTransactions({ ...right, store }, async (work) => {
        try {
          await right.transaction(work);
        } finally {
          for (const set of waiting.splice(0)) await set();
        }
      });
    },
  },
  {
    fault: "compares the expected revision with what was there before the transaction",
    rejectedBy: ["transactions.registers"],
    base: "sqlite",
    breakStore: ({ store, transaction }) => ({
      store: delegateRegisters(store, {
        set: async (key, value, options = {}) => {
          const { expected, ...unchecked } = options;
          if (options.tx === undefined || expected === undefined) return store.registers.set(key, value, options);
          const { revision = 0 } = (await store.registers.get(key)) ?? {};
          return expected === revision ? store.registers.set(key, value, unchecked) : undefined;
        },
      }),
      transaction,
    }),
  },
  {
    fault: "deletes no register in a transaction",
    rejectedBy: ["transactions.registers"],
    base: "sqlite",
    breakStore: ({ store, transaction }) => ({
      store: delegateRegisters(store, {
        delete: async (key, options) => options?.tx !== undefined || store.registers.delete(key, options),
      }),
      transaction,
    }),
  },
  {
    fault: "reads registers in a transaction as they were before",
    rejectedBy: ["transactions.registers", "transactions.invisible-before-commit"],
    base: "sqlite",
    breakStore: ({ store, transaction }) => ({
      store: delegateRegisters(store, {
        get: (key, { tx: _tx, ...options } = {}) => store.registers.get(key, options),
      }),
      transaction,
    }),
  },
];

/** Stores that get a call wrong that takes part in a transaction. */
export const brokenTransactionCalls: readonly BrokenTransactionStore[] = [...brokenAppends, ...brokenRegisters];
