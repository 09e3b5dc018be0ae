/** Base of every error that the toolkit throws. Tell errors apart by `code`: two copies of the package still agree on it. */
export abstract class EventSourcingError extends Error {
  /** Stable name of the kind of error, described in docs/errors.md: one of {@link ERROR_CODES}, or of a package above core. */
  abstract readonly code: ErrorCode | `ES_${string}`;
  /** Whether the very same call may succeed later. */
  abstract readonly retryable: boolean;

  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = new.target.name;
  }
}

/** Every code of core. Packages above it have further ones, all of them begin with `ES_`. */
export const ERROR_CODES = [
  "ES_ABORTED",
  "ES_AGGREGATE_NOT_FOUND",
  "ES_APPEND_TOO_LARGE",
  "ES_CODEC",
  "ES_CONCURRENCY",
  "ES_CONDITION_FAILED",
  "ES_CONFIGURATION",
  "ES_INVALID_COMMAND",
  "ES_INVALID_EVENT",
  "ES_INVALID_POSITION",
  "ES_INVALID_STATE",
  "ES_MISSING_HANDLER",
  "ES_PENDING_EVENTS",
  "ES_STORE_CLOSED",
  "ES_STORE_CORRUPT",
  "ES_STORE_FORMAT",
  "ES_STORE_UNAVAILABLE",
  "ES_STREAM_INTEGRITY",
  "ES_UNKNOWN_EVENT_TYPE",
  "ES_UNKNOWN_OUTCOME",
  "ES_UNSUPPORTED",
  "ES_UPCAST",
] as const;

/** One of {@link ERROR_CODES}. */
export type ErrorCode = (typeof ERROR_CODES)[number];
