import { type EventFacts, EventSourcingError, type Position } from "@es/core";

/** Why a checkpoint does not fit the store that is read. */
export type CheckpointMismatch =
  /** It was written for a store with another identity. */
  | "foreign-store"
  /** It lies ahead of the store's newest event. */
  | "ahead"
  /** The store does not have the event that was handled last, so it was restored or written anew. */
  | "other-history"
  /** The projection was split into another number of partitions. */
  | "partitions";

/** The checkpoint belongs to another store, or to another history of it. Nothing was handled. */
export class CheckpointMismatchError extends EventSourcingError {
  readonly code = "ES_CHECKPOINT_MISMATCH";
  readonly retryable = false;
  /** The projection. */
  readonly projection: string;
  /** What does not fit. */
  readonly reason: CheckpointMismatch;

  constructor(projection: string, reason: CheckpointMismatch, problem: string, options?: ErrorOptions) {
    super(`the checkpoint of projection ${JSON.stringify(projection)} ${problem}`, options);
    this.projection = projection;
    this.reason = reason;
  }
}

/** The checkpoint, or a list that belongs to it, cannot be read. Nothing was handled and nothing was overwritten. */
export class CheckpointUnreadableError extends EventSourcingError {
  readonly code = "ES_CHECKPOINT_UNREADABLE";
  readonly retryable = false;
  /** The register that holds it. */
  readonly key: string;

  constructor(key: string, problem: string, options?: ErrorOptions) {
    super(`register ${JSON.stringify(key)} ${problem}`, options);
    this.key = key;
  }
}

/** Another runner of the same name has moved the checkpoint. What this one was about to store was not stored. */
export class CheckpointConflictError extends EventSourcingError {
  readonly code = "ES_CHECKPOINT_CONFLICT";
  readonly retryable = false;
  /** The projection. */
  readonly projection: string;

  constructor(projection: string, options?: ErrorOptions) {
    super(
      `another runner took over the checkpoint of projection ${JSON.stringify(projection)}; run one at a time, ` +
        "give the other projection its own name, or let leases decide",
      options,
    );
    this.projection = projection;
  }
}

/** The feed has a hole, a double or another order in a stream. Nothing of the page was handled. */
export class FeedIntegrityError extends EventSourcingError {
  readonly code = "ES_FEED_INTEGRITY";
  readonly retryable = false;
  /** The stream. */
  readonly streamId: string;
  /** The version that had to come. */
  readonly expected: number;
  /** The version that came. */
  readonly actual: number;
  /** The position of the event that came. */
  readonly position: Position;

  constructor(facts: {
    readonly streamId: string;
    readonly expected: number;
    readonly actual: number;
    readonly position: Position;
  }) {
    super(
      `stream ${JSON.stringify(facts.streamId)}: version ${facts.actual} came at position ${facts.position} where version ` +
        `${facts.expected} had to come (${facts.actual > facts.expected ? "a hole" : "a double"}); do not go on, compare the feed with the stream`,
    );
    this.streamId = facts.streamId;
    this.expected = facts.expected;
    this.actual = facts.actual;
    this.position = facts.position;
  }
}

/** A handler failed as often as it may, so the projection stopped in front of the event. `cause` is what the handler threw. */
export class HandlerFailedError extends EventSourcingError {
  readonly code = "ES_HANDLER_FAILED";
  readonly retryable = false;
  /** The projection. */
  readonly projection: string;
  /** The event that could not be handled. */
  readonly event: EventFacts & { readonly position: Position };
  /** How often it was tried. */
  readonly attempts: number;

  constructor(
    projection: string,
    event: EventFacts & { readonly position: Position },
    attempts: number,
    options: ErrorOptions,
  ) {
    const times = attempts === 1 ? "" : ` ${attempts} times`;
    super(
      `projection ${JSON.stringify(projection)} failed${times} to handle event ${JSON.stringify(event.eventType)} in stream ` +
        `${JSON.stringify(event.streamId)} at version ${event.version}: ${describe(options.cause)}`,
      options,
    );
    this.projection = projection;
    this.event = event;
    this.attempts = attempts;
  }
}

/** The lease ran out before it could be renewed, or another process has it. */
export class LeaseLostError extends EventSourcingError {
  readonly code = "ES_LEASE_LOST";
  readonly retryable = false;
  /** The register that stands for what was leased. */
  readonly key: string;
  /** The token that is no longer valid. */
  readonly token: number;

  constructor(key: string, token: number, options?: ErrorOptions) {
    super(`lease ${JSON.stringify(key)} with token ${token} was lost; another process may have it`, options);
    this.key = key;
    this.token = token;
  }
}

/** More would have to be held back than `onFailure.park` allows, so the projection stopped. Nothing was lost. */
export class ParkingFullError extends EventSourcingError {
  readonly code = "ES_PARKING_FULL";
  readonly retryable = false;
  /** The projection. */
  readonly projection: string;
  /** Streams that would be held back. */
  readonly streams: number;
  /** Events that would be held back. */
  readonly events: number;

  constructor(
    projection: string,
    facts: {
      readonly streams: number;
      readonly events: number;
      readonly maxStreams: number;
      readonly maxEvents: number;
    },
    options?: ErrorOptions,
  ) {
    super(
      `projection ${JSON.stringify(projection)} would hold back ${facts.events} events of ${facts.streams} streams, the limits are ` +
        `${facts.maxEvents} and ${facts.maxStreams}; mend the handler and replay the parked streams, or raise the limits`,
      options,
    );
    this.projection = projection;
    this.streams = facts.streams;
    this.events = facts.events;
  }
}

/** Another version has taken the place of this projection. Nothing is handled under its name any more. */
export class ProjectionReplacedError extends EventSourcingError {
  readonly code = "ES_PROJECTION_REPLACED";
  readonly retryable = false;
  /** The projection. */
  readonly projection: string;
  /** The one that took its place. */
  readonly replacedBy: string;

  constructor(projection: string, replacedBy: string) {
    super(
      `projection ${JSON.stringify(projection)} was replaced by ${JSON.stringify(replacedBy)}; run that one, or go back with ` +
        "rebuildProjection(), or drop this one with dropProjection()",
    );
    this.projection = projection;
    this.replacedBy = replacedBy;
  }
}

/** The runner was stopped before it reached what was waited for. */
export class ProjectionStoppedError extends EventSourcingError {
  readonly code = "ES_PROJECTION_STOPPED";
  readonly retryable = false;

  constructor(projection: string) {
    super(`projection ${JSON.stringify(projection)} was stopped; start a runner before waiting for it`);
  }
}

/** Something did not happen within its time limit. */
export class WaitTimeoutError extends EventSourcingError {
  readonly code = "ES_WAIT_TIMEOUT";
  readonly retryable = true;
}

/** Every code of the errors of this package. */
export const PROJECTION_ERROR_CODES = [
  "ES_CHECKPOINT_CONFLICT",
  "ES_CHECKPOINT_MISMATCH",
  "ES_CHECKPOINT_UNREADABLE",
  "ES_FEED_INTEGRITY",
  "ES_HANDLER_FAILED",
  "ES_LEASE_LOST",
  "ES_PARKING_FULL",
  "ES_PROJECTION_REPLACED",
  "ES_PROJECTION_STOPPED",
  "ES_WAIT_TIMEOUT",
] as const;

/** What was thrown, in words; it need not be an error. */
export function describe(thrown: unknown): string {
  try {
    if (thrown instanceof Error) return String(thrown.message);
    return `it threw ${typeof thrown === "string" ? thrown : (JSON.stringify(thrown) ?? String(thrown))}`;
  } catch {
    return "it threw something that cannot be shown";
  }
}
