import type {
  AggregateNotFoundError,
  InvalidCommandError,
  InvalidStateError,
  PendingEventsError,
  StreamIntegrityError,
} from "./aggregate-errors.ts";
import type {
  AppendTooLargeError,
  ConcurrencyError,
  ConditionFailedError,
  UnknownOutcomeError,
} from "./append-errors.ts";
import type { ConfigurationError } from "./configuration-error.ts";
import type { InvalidEventError, MissingHandlerError, UnknownEventTypeError, UpcastError } from "./event-errors.ts";
import type { ErrorCode, EventSourcingError } from "./event-sourcing-error.ts";
import type {
  AbortedError,
  CodecError,
  InvalidPositionError,
  StoreClosedError,
  StoreCorruptError,
  StoreFormatError,
  StoreUnavailableError,
  UnsupportedError,
} from "./store-errors.ts";

/** Every error of core. */
export type KnownError =
  | AbortedError
  | AggregateNotFoundError
  | AppendTooLargeError
  | CodecError
  | ConcurrencyError
  | ConditionFailedError
  | ConfigurationError
  | InvalidCommandError
  | InvalidEventError
  | InvalidPositionError
  | InvalidStateError
  | MissingHandlerError
  | PendingEventsError
  | StoreClosedError
  | StoreCorruptError
  | StoreFormatError
  | StoreUnavailableError
  | StreamIntegrityError
  | UnknownEventTypeError
  | UnknownOutcomeError
  | UnsupportedError
  | UpcastError;

/** The class of the errors with a code. */
export type ErrorOfCode<Code extends ErrorCode> = Extract<KnownError, { readonly code: Code }>;

/**
 * Whether `error` is an error of the toolkit, of the given code if one is given. Goes by the code, so that two copies of the
 * package agree.
 *
 * @example
 * ```ts
 * if (isEventSourcingError(error, "ES_CONCURRENCY")) console.log(error.actual);
 * ```
 */
export function isEventSourcingError(error: unknown): error is EventSourcingError;
/** As above, and tells the class of the error. */
export function isEventSourcingError<Code extends ErrorCode>(error: unknown, code: Code): error is ErrorOfCode<Code>;
export function isEventSourcingError(error: unknown, code?: ErrorCode): boolean {
  if (!(error instanceof Error) || !("code" in error) || typeof error.code !== "string") return false;
  return code === undefined ? error.code.startsWith("ES_") : error.code === code;
}
