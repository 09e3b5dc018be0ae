import { type RecordedEvent, START, StoreUnavailableError } from "@es/core";
import type { BrokenTransactionStore } from "../broken-store.ts";
import { delegateRegisters } from "../delegate.ts";
import { changeJoinedAppends, changeTransactions, followTransaction } from "../transaction-store.ts";

/** Stores whose readers see too much or too little of a transaction. */
export const brokenTransactionReads: readonly BrokenTransactionStore[] = [
  {
    fault: "shows readers of a stream what a transaction has not committed",
    rejectedBy: ["transactions.invisible-before-commit"],
    base: "sqlite",
    breakStore: (right) => {
      const appended: RecordedEvent[] = [];
      const { transaction, current } = followTransaction(right);
      const joined = changeJoinedAppends(right, async (writes, options) => {
        const result = await right.store.append(writes, options);
        for (const { streamId, events } of writes) {
          const defaults = { id: "", metadata: {}, tags: [], streamId, version: 1, position: START, recordedAt: 0 };
          appended.push(...events.map((event) => ({ ...defaults, ...event, data: null })));
        }
        return result;
      });
      return changeTransactions(joined, transaction, {
        async *readStream(streamId, options) {
          yield* right.store.readStream(streamId, options);
          if (current() !== undefined) yield appended.filter((event) => event.streamId === streamId);
        },
      });
    },
  },
  {
    fault: "names a head that a transaction has not committed",
    rejectedBy: ["transactions.invisible-before-commit"],
    base: "sqlite",
    breakStore: (right) => {
      let last = START;
      const { transaction, current } = followTransaction(right);
      const joined = changeJoinedAppends(right, async (writes, options) => {
        const result = await right.store.append(writes, options);
        last = result.position;
        return result;
      });
      return changeTransactions(joined, transaction, {
        head: async (options) => (current() === undefined ? right.store.head(options) : last),
      });
    },
  },
  {
    fault: "shows registers that a transaction has not committed",
    rejectedBy: ["transactions.invisible-before-commit"],
    base: "sqlite",
    breakStore: (right) => {
      const { registers } = right.store;
      const { transaction, current } = followTransaction(right);
      const store = delegateRegisters(right.store, {
        get: (key, options) => registers.get(key, { tx: current(), ...options }),
      });
      return { store, transaction };
    },
  },
  {
    fault: "refuses to read while a transaction is open",
    rejectedBy: ["transactions.invisible-before-commit"],
    base: "sqlite",
    breakStore: (right) => {
      const { transaction, current } = followTransaction(right);
      return changeTransactions(right, transaction, {
        async *readAll(options) {
          if (current() !== undefined) throw new StoreUnavailableError("the database is locked");
          yield* right.store.readAll(options);
        },
      });
    },
  },
  {
    fault: "leaves out of live reads what transactions have appended",
    rejectedBy: ["transactions.invisible-before-commit"],
    base: "sqlite",
    breakStore: (right) => {
      const left = new Set<string>();
      const joined = changeJoinedAppends(right, async (writes, options) => {
        for (const { id } of writes.flatMap(({ events }) => events)) if (id !== undefined) left.add(id);
        return right.store.append(writes, options);
      });
      return changeTransactions(joined, right.transaction, {
        async *readAll(options) {
          for await (const page of right.store.readAll(options)) {
            yield options?.live ? { ...page, events: page.events.filter(({ id }) => !left.has(id)) } : page;
          }
        },
      });
    },
  },
];
