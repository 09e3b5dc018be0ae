import type { EventStore } from "@es/core";
import type { DeclaredCapabilities } from "./conformance-options.ts";

/** What a case needs beyond the plain contract. */
export type ConformanceNeed = "atomicStreams" | "conditions" | "transactions" | "shared" | "reopen";

/** What a running case is given. */
export interface ConformanceContext {
  /** Empty, and used by this case alone. */
  readonly store: EventStore<unknown>;
  /** What the store was declared to do. */
  readonly declares: DeclaredCapabilities;
  /** Random examples for each property. */
  readonly propertyRuns: number;
  /** Opens one more empty store, which shares nothing with {@link store}. */
  openOther(): Promise<EventStore<unknown>>;
  /** Opens another instance on the data of {@link store}. Only in cases that need `"reopen"` or `"shared"`. */
  openAgain(): Promise<EventStore<unknown>>;
  /** Runs `work` in a transaction of the caller. Only in cases that need `"transactions"`. */
  transaction(work: (tx: unknown) => Promise<void>): Promise<void>;
  /** Waits for `promise`, and fails saying what was waited for when it takes longer than the kit allows. */
  within<Result>(promise: Promise<Result>, what: string): Promise<Result>;
  /** Resolves once `isTrue` holds; asks again after every turn of the event loop. Bounded as {@link within} is. */
  until(isTrue: () => boolean, what: string): Promise<void>;
}

/** One rule of the contract and the code that shows whether a store keeps it. */
export interface ConformanceCase {
  /** Stable name: the topic, a dot, the rule in short. */
  readonly id: string;
  /** The rule in the present tense. */
  readonly rule: string;
  /** What a store must have been declared to do. A store without it must refuse, which other cases show. */
  readonly needs?: ConformanceNeed;
  /** The case is for stores that lack this. */
  readonly lacks?: ConformanceNeed;
  /** Time limit in milliseconds, before it is scaled. @defaultValue 15000 */
  readonly timeoutMs?: number;
  /** Resolves when the store keeps the rule; rejects with what it did instead. */
  run(context: ConformanceContext): Promise<void>;
}

/** Whether the declaration includes what a case needs. */
export function meetsNeed(declares: DeclaredCapabilities, need: ConformanceNeed): boolean {
  switch (need) {
    case "atomicStreams":
      return declares.atomicStreams > 1;
    case "conditions":
      return declares.conditions === "query";
    case "transactions":
      return declares.transactions;
    case "shared":
      return declares.shared;
    case "reopen":
      return declares.shared || declares.durability !== "none";
  }
}

/** The cases that apply to a store with this declaration. */
export function casesFor(
  cases: readonly ConformanceCase[],
  declares: DeclaredCapabilities,
): readonly ConformanceCase[] {
  return cases.filter(
    ({ needs, lacks }) =>
      (needs === undefined || meetsNeed(declares, needs)) && (lacks === undefined || !meetsNeed(declares, lacks)),
  );
}
