import type { BackendId } from "./backend.ts";
import type { Operation } from "./run-callers.ts";
import type { Subject } from "./subject.ts";

/** How much a run does, so that both sides and all rounds do the same. */
export interface WorkSize {
  readonly callers: number;
  readonly turns: number;
  /** Names the streams of this run; nothing is written twice under one name. */
  readonly run: string;
}

/** What must be reached; all of what is named. */
export interface Target {
  /** Throughput, as a ratio to the bare driver's in the same round. */
  readonly ratio?: number;
  /** Operations per second, whatever the bare driver reaches. */
  readonly perSecond?: number;
  /** The p99 of single calls must be lower than the bare driver's. */
  readonly isP99Lower?: true;
}

/** Targets of a case, where it has any. */
export type Targets = Readonly<Partial<Record<BackendId, Target>>>;

/** One row of the table, for every backend. */
export interface BenchCase {
  readonly id: string;
  readonly title: string;
  readonly callers: number;
  /** Events that one operation writes or reads; 1 where it is no matter of events. */
  readonly eventsPerOperation: number;
  readonly targets: Targets;
  /** The backends that it says something about; all when it is missing. */
  readonly only?: readonly BackendId[];
  /** Whether the operations change the store: then every round gets new, empty files. Otherwise the seeded ones serve all rounds. */
  readonly isWriting: boolean;
  /** Fills a side before the clock starts. */
  seed?(subject: Subject): Promise<void>;
  /** Prepares a run before the clock starts, and gives the operation to repeat. */
  prepare(subject: Subject, size: WorkSize): Operation;
  /** Throws when a run did not do what was asked of it. */
  verify(subject: Subject, sizes: readonly WorkSize[]): Promise<void>;
}
