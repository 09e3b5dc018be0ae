import type { Position } from "@es/core";
import type { RunnerStatus } from "../runner/runner-status.ts";
import type { WaitOptions } from "../runner/waiters.ts";

/** One partition, as this process sees it. */
export interface PartitionStatus {
  /** From 0. */
  readonly partition: number;
  /** Whether this process has the lease. */
  readonly isHeld: boolean;
  /** The token of the lease that this process has or had last; 0 when it never had one. */
  readonly token: number;
  /** How the runner is getting on, when this process has the lease. */
  readonly runner: RunnerStatus | undefined;
}

/**
 * This process's share of a projection that several processes run together. Each partition is run by the one that has its lease;
 * when that dies, another one takes over where its checkpoint is.
 */
export interface SharedRunner extends AsyncDisposable {
  /** The name of the projection. */
  readonly projection: string;
  /** Resolves when it was stopped, rejects with the error that a partition gave up with here. */
  readonly done: Promise<void>;
  /** Begins to ask for leases. @throws ConfigurationError when it was started before */
  start(): void;
  /** Finishes the pages at hand and gives the leases back, so that others can go on at once. @throws WaitTimeoutError */
  stop(options?: { readonly timeoutMs?: number }): Promise<void>;
  /** How each partition is getting on here. */
  status(): readonly PartitionStatus[];
  /**
   * Resolves once everything up to this position was handled, in all partitions and by whichever processes run them: the way to read
   * your own write. What other processes have done is looked up every now and then.
   *
   * @throws WaitTimeoutError when that did not happen in time
   * @throws ProjectionStoppedError when this shared runner was stopped before
   * @throws AbortedError when the signal aborts; and the error of a partition that gave up here
   */
  waitFor(position: Position, options?: WaitOptions): Promise<void>;
  /**
   * Handles what is held back in the partitions that this process runs, of one stream or of all, in the order of each stream.
   * `listParked` reads the lists of all partitions.
   *
   * @returns how many events were handled here
   * @throws HandlerFailedError when an event fails again; it and the later ones of its stream stay parked
   */
  replayParked(streamId?: string): Promise<number>;
  /** Forgets what is held back of a stream, when this process runs its partition. @returns how many events that were */
  discardParked(streamId: string): Promise<number>;
}

/** How the work is shared. Every process must be given the same numbers, except for `maxPartitions`. */
export interface ShareOptions {
  /** Into how many parts the streams are split. It cannot be changed without a reset. @defaultValue 1 */
  readonly partitions?: number;
  /** How many of them this process takes at most; no more than its fair share when there are others. @defaultValue all */
  readonly maxPartitions?: number;
  /** How long the lease of a process lasts that is not heard of. @defaultValue 10000 */
  readonly leaseMs?: number;
  /** How often a process that waits looks whether a lease is free. @defaultValue a quarter of `leaseMs`, at most 1000 */
  readonly pollMs?: number;
}
