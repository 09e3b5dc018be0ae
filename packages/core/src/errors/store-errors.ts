import type { Position } from "../store/position.ts";
import { EventSourcingError } from "./event-sourcing-error.ts";

/** The store was closed. */
export class StoreClosedError extends EventSourcingError {
  readonly code = "ES_STORE_CLOSED";
  readonly retryable = false;

  constructor(message = "the event store is closed; open it again before using it", options?: ErrorOptions) {
    super(message, options);
  }
}

/** The backend could not be reached, was locked or full for longer than the time limit. Nothing was written. */
export class StoreUnavailableError extends EventSourcingError {
  readonly code = "ES_STORE_UNAVAILABLE";
  readonly retryable = true;
}

/** The backend's data is damaged. */
export class StoreCorruptError extends EventSourcingError {
  readonly code = "ES_STORE_CORRUPT";
  readonly retryable = false;
}

/** The backend holds something else than an event store of this format: a newer version, or another application's data. */
export class StoreFormatError extends EventSourcingError {
  readonly code = "ES_STORE_FORMAT";
  readonly retryable = false;
}

/** The position is not one of this store, or lies ahead of its head because the store was restored or replaced. */
export class InvalidPositionError extends EventSourcingError {
  readonly code = "ES_INVALID_POSITION";
  readonly retryable = false;
  /** The position that was refused. */
  readonly position: Position;

  constructor(position: Position, problem: string, options?: ErrorOptions) {
    super(`position ${JSON.stringify(position)} ${problem}`, options);
    this.position = position;
  }
}

/** The store cannot do what was asked; the message gives the reason from its capabilities. Nothing was written. */
export class UnsupportedError extends EventSourcingError {
  readonly code = "ES_UNSUPPORTED";
  readonly retryable = false;
}

/** The caller's signal aborted the call. An append that ends with this was not stored. `cause` is the signal's reason. */
export class AbortedError extends EventSourcingError {
  readonly code = "ES_ABORTED";
  readonly retryable = false;

  constructor(message = "the operation was aborted", options?: ErrorOptions) {
    super(message, options);
  }
}

/** A codec could not encode or decode: a wrong key, damaged data, or data of another codec. */
export class CodecError extends EventSourcingError {
  readonly code = "ES_CODEC";
  readonly retryable = false;
}
