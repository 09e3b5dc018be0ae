import type { EventStore } from "@es/core";
import type { ConformanceOptions } from "@es/store-conformance";
import { type Base, optionsOf } from "./right-stores.ts";
import { type TransactionStore, transactionOptions } from "./transaction-store.ts";

/** One deliberate fault. */
interface Fault {
  /** What the store does wrong. */
  readonly fault: string;
  /** Ids of the cases that must fail on it. */
  readonly rejectedBy: readonly string[];
}

/** A memory store with one deliberate fault. */
interface BrokenMemoryStore extends Fault {
  /** The right store that it is made of. @defaultValue `"memory"` */
  readonly base?: Base;
  /** Puts the fault into a right store. Called once for every instance that a case opens. */
  readonly breakStore: (store: EventStore) => EventStore;
}

/** A SQLite store with one deliberate fault in its transactions. */
export interface BrokenTransactionStore extends Fault {
  readonly base: "sqlite";
  /** Puts the fault into a right store. Called once for every instance that a case opens. */
  readonly breakStore: (right: TransactionStore) => TransactionStore;
}

/** A store with one deliberate fault. */
export type BrokenStore = BrokenMemoryStore | BrokenTransactionStore;

/** Options that run the kit on the broken store, and on the right one that it is made of. */
export function optionsOfBoth(one: BrokenStore): {
  readonly right: ConformanceOptions;
  readonly broken: ConformanceOptions;
} {
  // What hangs is not worth waiting for; a file takes longer than memory to do anything at all.
  if (one.base === "sqlite") {
    return { right: transactionOptions(), broken: { ...transactionOptions(one.breakStore), timeoutScale: 0.2 } };
  }
  const base = one.base ?? "memory";
  return { right: optionsOf(base), broken: { ...optionsOf(base, one.breakStore), timeoutScale: 0.06 } };
}
