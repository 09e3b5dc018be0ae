import { ConfigurationError, type EventStore, type Registers } from "@es/core";
import { DEFAULT_PAGE_SIZE } from "@es/core/adapter";
import { type FailurePolicy, type FailureSettings, failureSettings } from "../definition/failure-policy.ts";
import { aClock, aFunction, anObject, aStore, assertMembers, required } from "../definition/member-rules.ts";
import type { CheckpointedSink } from "../sinks/sink.ts";
import { type Clock, systemClock } from "./clock.ts";
import { HANDLER_RETRY, type RetryOptions, type RetrySettings, retrySettings, STORE_RETRY } from "./retry.ts";
import { quietly, type RunnerReport } from "./runner-report.ts";

/** What every runner takes. */
export interface CommonRunnerOptions {
  /** The store that is read. */
  readonly store: EventStore<unknown>;
  /** Most events of a page, and so of a transaction. @defaultValue 500 */
  readonly pageSize?: number;
  /**
   * How often a handler is tried.
   * @defaultValue 4 attempts within about a second
   */
  readonly retry?: RetryOptions;
  /**
   * What becomes of an event whose handler failed as often as it may.
   * @defaultValue `"stop"`
   */
  readonly onFailure?: FailurePolicy;
  /**
   * How often a call of the store or the sink is tried that failed with a retryable error.
   * @defaultValue 40 attempts within about ten minutes
   */
  readonly storeRetry?: RetryOptions;
  /** Called for what is worth a metric, a log line or a progress bar. What it throws is ignored. @defaultValue nothing */
  readonly onReport?: (report: RunnerReport) => void;
  /** Time as it sees it. @defaultValue the clock of the machine */
  readonly clock?: Clock;
  /** A number from 0 to 1, for the jitter. @defaultValue `Math.random` */
  readonly random?: () => number;
}

/** What a runner of a projection takes whose delivery is at least once. */
export interface RunnerOptions extends CommonRunnerOptions {
  /**
   * Where the checkpoint is kept.
   * @defaultValue the registers of the store
   */
  readonly checkpoints?: Registers<unknown>;
  /**
   * How long the checkpoint may stay behind what was handled while the runner catches up. What was handled since then comes again after
   * a crash. With 0 it is stored after each page, as it always is at the head.
   * @defaultValue 100
   */
  readonly checkpointIntervalMs?: number;
}

/** What a runner of a projection takes whose effects are written in transactions. */
export interface ExactlyOnceRunnerOptions<Tx> extends CommonRunnerOptions {
  /** The database of the read model; it keeps the checkpoint too. A store with transactions is a sink of its own. */
  readonly sink: CheckpointedSink<Tx>;
}

/** Checked options with their defaults. */
export interface RunnerSettings {
  readonly store: EventStore<unknown>;
  readonly pageSize: number;
  readonly retry: RetrySettings;
  readonly storeRetry: RetrySettings;
  readonly onFailure: FailureSettings;
  readonly report: (report: RunnerReport) => void;
  readonly clock: Clock;
  readonly random: () => number;
  /** How long a checkpoint without a transaction may wait while the runner catches up. */
  readonly checkpointIntervalMs: number;
  /** Which streams are handled; the others are passed over. Absent: all. */
  readonly select?: (streamId: string) => boolean;
  /** The read model that is being rebuilt. Absent: this is no rebuild. */
  readonly shadowOf?: string;
}

const CHECKPOINT_INTERVAL_MS = 100;

const OPTIONS = {
  store: required(aStore),
  retry: anObject,
  storeRetry: anObject,
  onReport: aFunction,
  clock: aClock,
  random: aFunction,
};

/** @throws ConfigurationError naming the wrong option */
export function runnerSettings(
  options: CommonRunnerOptions & Pick<RunnerOptions, "checkpointIntervalMs">,
): RunnerSettings {
  assertMembers("the options of the runner", options, OPTIONS);
  const { store, pageSize = DEFAULT_PAGE_SIZE, checkpointIntervalMs = CHECKPOINT_INTERVAL_MS } = options;
  if (!Number.isSafeInteger(pageSize) || pageSize < 1) {
    throw new ConfigurationError(`pageSize is ${pageSize}; it must be a whole number from 1`);
  }
  if (!Number.isFinite(checkpointIntervalMs) || checkpointIntervalMs < 0) {
    throw new ConfigurationError(`checkpointIntervalMs is ${checkpointIntervalMs}; it must be a number from 0`);
  }
  return {
    store,
    pageSize,
    checkpointIntervalMs,
    retry: retrySettings("retry", options.retry, HANDLER_RETRY),
    storeRetry: retrySettings("storeRetry", options.storeRetry, STORE_RETRY),
    onFailure: failureSettings(options.onFailure),
    report: quietly(options.onReport),
    clock: options.clock ?? systemClock,
    random: options.random ?? Math.random,
  };
}
