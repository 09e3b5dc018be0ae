import { EventSourcingError } from "./event-sourcing-error.ts";

/** The aggregate, or the version of it that was asked for, does not exist. */
export class AggregateNotFoundError extends EventSourcingError {
  readonly code = "ES_AGGREGATE_NOT_FOUND";
  readonly retryable = false;
  /** The stream of the aggregate. */
  readonly streamId: string;

  constructor(streamId: string, detail = "has no events", options?: ErrorOptions) {
    super(`aggregate ${JSON.stringify(streamId)} ${detail}`, options);
    this.streamId = streamId;
  }
}

/** The command breaks its schema or is of an unknown type. The aggregate is unchanged. */
export class InvalidCommandError extends EventSourcingError {
  readonly code = "ES_INVALID_COMMAND";
  readonly retryable = false;
  /** The type of the command. */
  readonly commandType: string;

  constructor(commandType: string, problem: string, options?: ErrorOptions) {
    super(`command ${JSON.stringify(commandType)} ${problem}`, options);
    this.commandType = commandType;
  }
}

/** The aggregate's state breaks its schema, so it cannot be kept in a snapshot or restored from one. */
export class InvalidStateError extends EventSourcingError {
  readonly code = "ES_INVALID_STATE";
  readonly retryable = false;
}

/** The aggregate has events that were not saved, and the call would lose or misplace them. Save or discard them first. */
export class PendingEventsError extends EventSourcingError {
  readonly code = "ES_PENDING_EVENTS";
  readonly retryable = false;
}

/** What was read is not the stream that was asked for, or its versions have a hole, a double or another order. */
export class StreamIntegrityError extends EventSourcingError {
  readonly code = "ES_STREAM_INTEGRITY";
  readonly retryable = false;
  /** The stream that was asked for. */
  readonly streamId: string;

  constructor(streamId: string, problem: string, options?: ErrorOptions) {
    super(`stream ${JSON.stringify(streamId)} is damaged: ${problem}`, options);
    this.streamId = streamId;
  }
}
