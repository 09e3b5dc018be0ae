import { EventSourcingError } from "./event-sourcing-error.ts";

/** Where an event was met; what is not known yet is absent. */
export interface EventFacts {
  /** The stored name of its type. */
  readonly eventType: string;
  /** The stream that it is in. */
  readonly streamId?: string;
  /** Its place in the stream. */
  readonly version?: number;
}

/** Base of the errors about one event. */
export abstract class EventError extends EventSourcingError {
  readonly retryable = false;
  /** The stored name of its type. */
  readonly eventType: string;
  /** The stream that it is in, where it is known. */
  readonly streamId: string | undefined;
  /** Its place in the stream, where it is known. */
  readonly version: number | undefined;

  constructor(facts: EventFacts, problem: string, options?: ErrorOptions) {
    const stream = facts.streamId === undefined ? "" : ` in stream ${JSON.stringify(facts.streamId)}`;
    const version = facts.version === undefined ? "" : ` at version ${facts.version}`;
    super(`event ${JSON.stringify(facts.eventType)}${stream}${version} ${problem}`, options);
    this.eventType = facts.eventType;
    this.streamId = facts.streamId;
    this.version = facts.version;
  }
}

/** The event breaks its schema or is not plain JSON. When it was to be appended, nothing was written. */
export class InvalidEventError extends EventError {
  readonly code = "ES_INVALID_EVENT";
}

/** No schema is known for an event of this type. Never skipped in silence. */
export class UnknownEventTypeError extends EventError {
  readonly code = "ES_UNKNOWN_EVENT_TYPE";
}

/** A stored event of an earlier schema version could not be brought to the current one. */
export class UpcastError extends EventError {
  readonly code = "ES_UPCAST";
}

/** The aggregate has no handler for this event. */
export class MissingHandlerError extends EventError {
  readonly code = "ES_MISSING_HANDLER";
}
