import { AbortedError, type EventStore, type Position, type RecordedEvent } from "@es/core";
import type { HandlerContext } from "../definition/delivery.ts";
import type { Checkpoint } from "./checkpoint.ts";
import type { ReplayMark } from "./replay-mark.ts";

/** Events that are to take effect, and what is to be remembered about that. */
export interface Work {
  /** The events, in order. May be empty. */
  readonly events: readonly RecordedEvent[];
  /** The checkpoint behind them. */
  readonly checkpoint: Checkpoint;
  /** What the handlers are told. */
  readonly context: HandlerContext;
}

/** Lets events take effect and keeps the checkpoint: in one transaction, or one behind the other. */
export interface Ledger {
  /**
   * The checkpoint that is stored.
   * @throws CheckpointUnreadableError
   */
  load(signal: AbortSignal): Promise<Checkpoint | undefined>;
  /** How far events were handled before the checkpoint was reset. */
  replayMark(signal: AbortSignal): Promise<ReplayMark | undefined>;
  /** Where a projection begins that begins now: at the head, for all its partitions at the same. */
  startNow(store: EventStore<unknown>, signal: AbortSignal): Promise<Position>;
  /**
   * Makes sure, in the middle of a commit, that no other runner has taken over: for effects that a transaction does not undo.
   * @throws CheckpointConflictError, ProjectionReplacedError
   */
  assertHeld(): Promise<void>;
  /**
   * Handles the events and stores the checkpoint. When it rejects, the checkpoint has not moved.
   *
   * @throws HandlerFailure when a handler threw
   * @throws CheckpointConflictError when another runner has taken over
   */
  commit(work: Work): Promise<void>;
  /**
   * Handles the events and leaves their checkpoint to a later {@link commit}. Does not ask whether another runner has taken over. Absent
   * where both are one transaction.
   *
   * @throws HandlerFailure when a handler threw
   */
  handle?(work: Work): Promise<void>;
}

/** A handler threw. Tells a fault of the projection from one of the store. */
export class HandlerFailure extends Error {
  /** How many events at the front took effect all the same. */
  readonly handled: number;
  /** Which event it was, when events are handled one by one. */
  readonly failedAt: number;

  constructor(facts: { readonly handled: number; readonly failedAt: number }, cause: unknown) {
    super("a handler failed", { cause });
    this.name = "HandlerFailure";
    this.handled = facts.handled;
    this.failedAt = facts.failedAt;
  }
}

/**
 * Ends what is stored of a page once its time is over, whether its handlers came to an end or threw because of that.
 * @throws AbortedError
 */
export function assertNotStopped(signal: AbortSignal): void {
  if (signal.aborted) throw new AbortedError("the runner was stopped while a handler was running");
}
