import type { EventStore, TransactionalEventStore } from "@es/core";
import type { DeclaredRunnerCapabilities } from "./runner-conformance-options.ts";
import type { RunnersUnderTest } from "./runners-under-test.ts";

/** What a case needs beyond a plain store. */
export type RunnerCaseNeed = "transactions" | "shared" | "reopen";

/** What a running case is given. */
export interface RunnerCaseContext {
  /** Empty, and used by this case alone. */
  readonly store: EventStore<unknown>;
  /** What the store was declared to do. */
  readonly declares: DeclaredRunnerCapabilities;
  /** Makes runners. Those that still run when the case ends are stopped then. */
  readonly runners: RunnersUnderTest;
  /** The store with its transactions. Only in cases that need `"transactions"`. */
  transactional(): TransactionalEventStore<unknown>;
  /** Opens one more empty store, which shares nothing with {@link store}. */
  openOther(): Promise<EventStore<unknown>>;
  /** Opens another instance on the data of {@link store}. Only in cases that need `"reopen"` or `"shared"`. */
  openAgain(): Promise<EventStore<unknown>>;
  /** Waits for `promise`, and fails saying what was waited for when it takes longer than the suite allows. */
  within<Result>(promise: Promise<Result>, what: string): Promise<Result>;
  /** Resolves once `isTrue` holds. Bounded as {@link within} is. */
  until(isTrue: () => boolean, what: string): Promise<void>;
}

/** One rule of what runners do over a store, and the code that shows whether they do. */
export interface RunnerCase {
  /** Stable name: the topic, a dot, the rule in short. */
  readonly id: string;
  /** The rule in the present tense. */
  readonly rule: string;
  /** What a store must have been declared to do. */
  readonly needs?: RunnerCaseNeed;
  /** The case is for stores that lack this. */
  readonly lacks?: RunnerCaseNeed;
  /** Resolves when the rule is kept; rejects with what happened instead. */
  run(context: RunnerCaseContext): Promise<void>;
}

function meetsNeed(declares: DeclaredRunnerCapabilities, need: RunnerCaseNeed): boolean {
  switch (need) {
    case "transactions":
      return declares.transactions;
    case "shared":
      return declares.shared;
    case "reopen":
      return declares.shared || declares.durability !== "none";
  }
}

/** The cases that apply to a store with this declaration. */
export function runnerCasesFor(
  cases: readonly RunnerCase[],
  declares: DeclaredRunnerCapabilities,
): readonly RunnerCase[] {
  return cases.filter(
    ({ needs, lacks }) =>
      (needs === undefined || meetsNeed(declares, needs)) && (lacks === undefined || !meetsNeed(declares, lacks)),
  );
}
