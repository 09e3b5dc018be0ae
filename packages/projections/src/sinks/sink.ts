import type { Registers } from "@es/core";

/**
 * A database that keeps read models and checkpoints together. Every event store with transactions is one already. For another
 * database, implement these two members: registers in a table of it, and its transactions.
 */
export interface CheckpointedSink<Tx> {
  /** Named values with compare-and-set in this database. With `tx`, a call takes part in that transaction. */
  readonly registers: Registers<Tx>;
  /** Runs `work` in one transaction: commits when it resolves, rolls back when it rejects. */
  transaction<Result>(work: (tx: Tx) => Promise<Result>, options?: { readonly signal?: AbortSignal }): Promise<Result>;
}
