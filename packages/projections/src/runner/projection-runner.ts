import type { Position } from "@es/core";
import type { Delivery } from "../definition/delivery.ts";
import type { ParkedList } from "../parking/parked.ts";
import type { Lag, RunnerStatus } from "./runner-status.ts";
import type { WaitOptions } from "./waiters.ts";

/**
 * Runs one projection: first over what is stored, then as events come, with one cursor. Pages are handled one after the
 * other; the next one is read meanwhile, and no further one. The checkpoint moves once a page, behind its effects.
 */
export interface ProjectionRunner<Guarantee extends Delivery["guarantee"] = Delivery["guarantee"]>
  extends AsyncDisposable {
  /** The name of the projection. */
  readonly projection: string;
  /** How often an event can take effect. */
  readonly guarantee: Guarantee;
  /** Resolves when the runner was stopped, rejects with the error that it gave up with. */
  readonly done: Promise<void>;

  /**
   * Checks the checkpoint, takes it over and begins. Resolves when reading begins.
   *
   * @throws CheckpointMismatchError when the checkpoint belongs to another store or another history
   * @throws CheckpointUnreadableError when it cannot be read
   * @throws ConfigurationError when the runner was started before
   */
  start(): Promise<void>;

  /**
   * Finishes the page that is being handled and stops. When that takes longer than `timeoutMs`, the handler's signal aborts and
   * nothing of the page is stored any more. Never rejects because the projection failed; that is what `done` is for.
   *
   * @throws WaitTimeoutError when the handler was still running by then
   */
  stop(options?: { readonly timeoutMs?: number }): Promise<void>;

  /**
   * Finishes the page that is being handled and takes no further one. Resolves when it is done, within 30 seconds unless told.
   *
   * @throws WaitTimeoutError when the page was still being handled by then; no further one is taken all the same
   * @throws AbortedError when the signal aborts; likewise
   */
  pause(options?: { readonly timeoutMs?: number; readonly signal?: AbortSignal }): Promise<void>;

  /** Goes on after {@link pause}. */
  resume(): void;

  /** How it is getting on. */
  status(): RunnerStatus;

  /** Counts in the store how far it is behind, up to `limit` events, 10,000 unless told. */
  lag(options?: { readonly limit?: number; readonly signal?: AbortSignal }): Promise<Lag>;

  /** The streams that are held back, in the order in which they failed. */
  parked(): ParkedList;

  /**
   * Handles what is held back, of one stream or of all, in the order of each stream, between two pages.
   *
   * @returns how many events were handled
   * @throws HandlerFailedError when an event fails again; it and the later ones of its stream stay parked
   * @throws AbortedError when the runner is stopped meanwhile; the later ones stay parked
   * @throws ProjectionStoppedError when the runner does not run
   */
  replayParked(streamId?: string): Promise<number>;

  /**
   * Forgets what is held back of a stream: those events are never handled, later ones are.
   *
   * @returns how many events that were
   * @throws ProjectionStoppedError when the runner does not run
   */
  discardParked(streamId: string): Promise<number>;

  /**
   * Resolves once everything up to this position was handled: the way to read your own write.
   *
   * @throws WaitTimeoutError when that did not happen in time
   * @throws ProjectionStoppedError when the runner was stopped before
   * @throws AbortedError when the signal aborts; and the runner's own error when it gave up
   */
  waitFor(position: Position, options?: WaitOptions): Promise<void>;
}
