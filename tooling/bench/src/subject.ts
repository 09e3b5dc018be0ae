import type { NewEvent } from "@es/core";

/** A result, or the promise of one. The bare driver is synchronous, and one lone caller of it never awaits. */
export type Outcome<T> = T | Promise<T>;

/** An event as both sides get it: the id is drawn before the clock starts. */
export interface BenchEvent extends NewEvent {
  readonly id: string;
}

/** The operations that are measured, as one side offers them: the toolkit, or a program without it. */
export interface Subject extends AsyncDisposable {
  /** `expected` is the version that the caller believes in; `"any"` leaves it to the store. */
  append(streamId: string, expected: number | "any", events: readonly BenchEvent[]): Outcome<unknown>;
  /** Appends and waits until a live read has shown the event. Only where that is measured. */
  appendAndSee?(streamId: string, expected: number, event: BenchEvent): Outcome<unknown>;
  /** Tells of every event that is appended from now on, by its id. Only on the bare side, as a program would do it that waits for news. */
  follow?(onEvent: (id: string) => void): Promise<void>;
  /** Looks at which version the stream is and appends behind it, until nobody else was faster. */
  command(streamId: string, event: BenchEvent): Outcome<unknown>;
  /** Number of events, each turned into an object with parsed data. */
  readStream(streamId: string): Outcome<number>;
  /** Number of events of the whole log in pages, each turned into an object with parsed data; `type` filters. */
  readAll(type?: string): Outcome<number>;
  /** Runs a new projection over the whole log that only counts; the bare side reads the log page by page. Number of events. */
  project(): Outcome<number>;
  /** Folds the whole log into an empty read model in a database, exactly once; resolves to the events that its rows count. */
  projectTotals?(): Outcome<number>;
  /** Replays an order through its zod schemas; resolves to the number of folded events. */
  loadOrder(id: string): Outcome<number>;
  /** As `loadOrder`, but from its snapshot and the events since. */
  loadOrderFromSnapshot(id: string): Outcome<number>;
  /** Takes the snapshot that `loadOrderFromSnapshot` starts from. */
  takeSnapshot(id: string): Outcome<unknown>;
  setRegister(key: string, value: string): Outcome<unknown>;
}

/** Most events of a page, on both sides: the default of the contract. */
export const PAGE_SIZE = 500;
