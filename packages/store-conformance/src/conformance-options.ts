import type { Capabilities, EventStore } from "@es/core";

/**
 * What a store is declared to do. The kit believes the declaration, not the store: what is declared must work, what is
 * not must be refused, and `store.capabilities` must say the same.
 */
export type DeclaredCapabilities = Pick<
  Capabilities,
  "atomicStreams" | "conditions" | "transactions" | "shared" | "durability"
> &
  Partial<Omit<Capabilities, "gaps">>;

/**
 * A store that was opened for one case, empty at first and used by nobody else.
 *
 * The kit closes the instances it was given or opened, through `Symbol.asyncDispose`, and calls `close` last.
 */
export interface OpenedStore {
  /** The store to be tested. */
  readonly store: EventStore<unknown>;
  /**
   * Opens another instance on the same data, the way another process or a restarted one would.
   * Required where the store is declared `shared` or its `durability` is not `"none"`.
   */
  readonly openAgain?: () => Promise<EventStore<unknown>>;
  /**
   * Runs `work` in one transaction of the caller: commits when it resolves; rolls back when it rejects, and rejects with the
   * same error. Required where the store is declared to have `transactions`.
   */
  readonly transaction?: (work: (tx: unknown) => Promise<void>) => Promise<void>;
  /** Removes the data, such as a temporary file or a schema. */
  readonly close?: () => Promise<void>;
}

/** Options of {@link describeEventStore}. */
export interface ConformanceOptions {
  /** Opens a new, empty store. Called for every case, and by some cases more than once. */
  readonly open: () => Promise<OpenedStore>;
  /** What the store does. */
  readonly declares: DeclaredCapabilities;
  /** Multiplies every time limit of the kit, for a slow backend or machine. @defaultValue 1 */
  readonly timeoutScale?: number;
  /** Random examples for each property. @defaultValue 25 */
  readonly propertyRuns?: number;
}
