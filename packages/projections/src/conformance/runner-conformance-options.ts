import type { Capabilities, EventStore } from "@es/core";
import type { RunnersUnderTest } from "./runners-under-test.ts";

/** What a store is declared to do, as far as it makes a difference to runners. */
export type DeclaredRunnerCapabilities = Pick<Capabilities, "transactions" | "shared" | "durability">;

/** A store that was opened for one case, empty at first and used by nobody else. */
export interface OpenedRunnerStore {
  /** The store that runners are to work over. The suite closes it. */
  readonly store: EventStore<unknown>;
  /**
   * Opens another instance on the same data, the way another process or a restarted one would.
   * Required where the store is declared `shared` or its `durability` is not `"none"`.
   */
  readonly openAgain?: () => Promise<EventStore<unknown>>;
  /** Runs `work` in one transaction of the caller. Required where the store is declared to have `transactions`. */
  readonly transaction?: (work: (tx: unknown) => Promise<void>) => Promise<void>;
  /** Removes the data, such as a temporary file or a schema. Called last. */
  readonly close?: () => Promise<void>;
}

/** Options of {@link describeRunners}. Those of `@es/store-conformance` fit. */
export interface RunnerConformanceOptions {
  /** Opens a new, empty store. Called for every case, and by some cases more than once. */
  readonly open: () => Promise<OpenedRunnerStore>;
  /** What the store does. */
  readonly declares: DeclaredRunnerCapabilities;
  /** Multiplies every time limit, for a slow backend or machine. @defaultValue 1 */
  readonly timeoutScale?: number;
  /**
   * The runners that are tested with the store.
   * @defaultValue those of `@es/projections`
   */
  readonly runners?: RunnersUnderTest;
}
