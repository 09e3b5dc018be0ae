import type { Backend } from "./backend.ts";
import type { Operation } from "./run-callers.ts";
import type { Subject } from "./subject.ts";

/** How much a run does, so that both sides and all rounds do the same. */
export interface WorkSize {
  readonly callers: number;
  readonly turns: number;
  /** Names the streams of this run; nothing is written twice under one name. */
  readonly run: string;
}

/** One row of the table, for every backend. */
export interface BenchCase {
  readonly id: string;
  readonly title: string;
  readonly callers: number;
  /** Events that one operation writes or reads; 1 where it is no matter of events. */
  readonly eventsPerOperation: number;
  /** The ratio to the bare driver that must be reached, where there is one. */
  readonly targets: Readonly<Partial<Record<Backend["id"], number>>>;
  /** Whether the operations change the store: then every round gets new, empty files. Otherwise the seeded ones serve all rounds. */
  readonly isWriting: boolean;
  /** Fills a side before the clock starts. */
  seed?(subject: Subject): Promise<void>;
  /** Prepares a run before the clock starts, and gives the operation to repeat. */
  prepare(subject: Subject, size: WorkSize): Operation;
  /** Throws when a run did not do what was asked of it. */
  verify(subject: Subject, sizes: readonly WorkSize[]): Promise<void>;
}
