import type { CallLimit } from "./client-holder.ts";
import type { IncomingEvent } from "./kurrent-client.ts";
import type { LogPosition } from "./positions.ts";
import type { Wanted } from "./read-ahead.ts";

/** A stretch of the log, from a place on. */
export interface Stretch {
  readonly events: readonly IncomingEvent[];
  /** Whether it follows the stretch before in the same read of the server. */
  readonly isContinued: boolean;
  /** How far the server has looked, where it says so. */
  readonly reached: LogPosition | undefined;
  /** Whether everything up to the goal has been looked at. */
  readonly isEnd: boolean;
}

/** What to read next. */
export interface StretchRequest {
  /** Events behind it are wanted, and the one at it comes again. That of the last event of the stretch before, if there was one. */
  readonly place: LogPosition | undefined;
  readonly wanted: Wanted;
  readonly limit: () => CallLimit;
  /** The newest event that there is for certain: the end is where it has been passed. `undefined` when there is none at all. */
  readonly goal: () => Promise<LogPosition | undefined>;
}

/** Reads the log, stretch by stretch. That the server gives no more events does not say that there are none: its answer may be cut. */
export interface LogScanner {
  next(request: StretchRequest): Promise<Stretch>;
  /** Nothing more is wanted. */
  leave(): void;
}
