import type { Subject } from "./subject.ts";

/** The two sides of a ratio. */
export type Side = "toolkit" | "bare";

/** What a target may be set for. */
export type BackendId =
  | "memory"
  | "memory-copies"
  | "sqlite-normal"
  | "sqlite-full"
  | "postgres"
  | "postgres-order"
  | "memory-postgres"
  | "nats"
  | "kurrentdb";

/** What is measured, and against what. */
export interface Backend {
  readonly id: BackendId;
  readonly title: string;
  /** Time only each n-th call: a push into an array is faster than two looks at the clock. */
  readonly timeEvery: number;
  /** Most events written, or operations done, in one slice. */
  readonly maxPerSlice: number;
  /** Ids of the cases that say something here; all when it is missing. */
  readonly cases?: RegExp;
  /** Starts what both sides need, such as a server. */
  start(): Promise<RunningBackend>;
}

/** A backend whose sides can be opened. Disposing it stops its server. */
export interface RunningBackend extends AsyncDisposable {
  /** The server and its version, where there is one. */
  readonly server: string | null;
  /** Opens a side, empty, with its files in a directory of its own or in a database of its own. */
  open(side: Side, directory: string): Promise<Subject>;
}
