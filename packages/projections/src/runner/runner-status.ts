import type { Position } from "@es/core";

/** What a runner is doing. */
export type RunnerState =
  /** It was not started. */
  | "idle"
  /** It checks its checkpoint. */
  | "starting"
  /** It works through what is stored. */
  | "catching-up"
  /** It handles events as they come. */
  | "live"
  /** Something failed; it waits before it tries again. */
  | "retrying"
  /** It takes no further page until it is resumed. */
  | "paused"
  /** It finishes what it is doing and then stops. */
  | "stopping"
  /** It was stopped. */
  | "stopped"
  /** It gave up; see `lastError`. */
  | "failed";

/** How a runner is getting on. */
export interface RunnerStatus {
  /** The name of the projection. */
  readonly projection: string;
  /** What it is doing. */
  readonly state: RunnerState;
  /** Whether it works as it should: not failed, not retrying, not stopped, and nothing is held back. */
  readonly isHealthy: boolean;
  /** Everything up to here was handled. */
  readonly position: Position;
  /** Events handled since it was started. */
  readonly events: number;
  /** Events handled in a second, over the last ten seconds. */
  readonly eventsPerSecond: number;
  /** Age of the event handled last, while it is catching up; 0 once it has. */
  readonly lagMs: number;
  /** Streams that are held back. */
  readonly parkedStreams: number;
  /** Events that are held back. */
  readonly parkedEvents: number;
  /** What failed last; absent once something has succeeded since. */
  readonly lastError: unknown;
}

/** How far a runner is behind, counted in the store. */
export interface Lag {
  /** Events that it has still to handle, filtered as it filters them. */
  readonly events: number;
  /** Whether there are exactly so many; otherwise there are at least so many. */
  readonly isExact: boolean;
  /** The head of the store when the count began. */
  readonly head: Position;
}
