import type { Position, RecordedEvent } from "@es/core";
import { countParked, type ParkedList } from "../parking/parked.ts";
import type { Clock } from "./clock.ts";
import { Rate } from "./rate.ts";
import type { RunnerState, RunnerStatus } from "./runner-status.ts";

/** What a status says that the monitor is not told otherwise. */
interface Facts {
  readonly projection: string;
  readonly position: Position;
  readonly parked: ParkedList;
  readonly isPaused: boolean;
}

/** Keeps what a runner's status says: what it is doing, how fast, and what went wrong last. */
export class RunnerMonitor {
  /** What the runner is doing. */
  state: RunnerState = "idle";
  /** What failed last, until something succeeds. */
  lastError: unknown;
  /** What is tried again beside the feed: a replay or a time-out. It says nothing about how far the feed has come. */
  besides: { readonly error: unknown } | undefined;
  /** Whether what is handled now is no page of the feed. */
  isBetweenPages = false;
  readonly #clock: Clock;
  readonly #rate: Rate;
  #events = 0;
  #newestRecordedAt: number | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#rate = new Rate(() => clock.monotonic());
  }

  /** Counts events as handled now. */
  handled(events: readonly RecordedEvent[]): void {
    this.lastError = undefined;
    this.#events += events.length;
    this.#rate.add(events.length);
    this.#newestRecordedAt = events.at(-1)?.recordedAt ?? this.#newestRecordedAt;
  }

  /** The status now. */
  status({ projection, position, parked, isPaused }: Facts): RunnerStatus {
    const isRunning = this.state === "catching-up" || this.state === "live";
    const isRetrying = isRunning && this.besides !== undefined;
    const state = isRetrying ? "retrying" : isRunning && isPaused ? "paused" : this.state;
    const isBehind = state !== "live" && this.#newestRecordedAt !== undefined;
    return {
      projection,
      state,
      isHealthy: ((isRunning && !isRetrying) || state === "starting") && parked.length === 0,
      position,
      events: this.#events,
      eventsPerSecond: this.#rate.perSecond,
      lagMs: isBehind ? Math.max(0, this.#clock.now() - (this.#newestRecordedAt ?? 0)) : 0,
      parkedStreams: parked.length,
      parkedEvents: countParked(parked),
      lastError: isRetrying ? this.besides?.error : this.lastError,
    };
  }
}
