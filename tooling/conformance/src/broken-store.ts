import type { EventStore } from "@es/core";
import type { Base } from "./right-stores.ts";

/** A store with one deliberate fault. */
export interface BrokenStore {
  /** What it does wrong. */
  readonly fault: string;
  /** Ids of the cases that must fail on it. */
  readonly rejectedBy: readonly string[];
  /** The right store that it is made of. @defaultValue `"memory"` */
  readonly base?: Base;
  /** Puts the fault into a right store. Called once for every instance that a case opens. */
  breakStore(store: EventStore): EventStore;
}
