/**
 * Why a request has no answer. `"not-sent"`: there was no connection in time. `"nobody"`: the server says that nobody serves it,
 * so it had no effect. `"unanswered"`: it may have had its effect.
 */
export type FailureKind = "not-sent" | "nobody" | "unanswered";

/** A request that has no answer. Never leaves the package. */
export class RequestFailure extends Error {
  readonly kind: FailureKind;

  constructor(kind: FailureKind, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = "RequestFailure";
    this.kind = kind;
  }
}

/** An answer of JetStream that says no. Never leaves the package. */
export class JetStreamError extends Error {
  /** The kind of error, as nats-server numbers them. */
  readonly errorCode: number;
  /** Like a status of HTTP. */
  readonly status: number;

  constructor(error: { readonly err_code?: number; readonly code: number; readonly description?: string }) {
    super(`${error.description ?? "no description"} (JetStream error ${error.err_code ?? error.code})`);
    this.name = "JetStreamError";
    this.errorCode = error.err_code ?? 0;
    this.status = error.code;
  }
}

/** Numbers of JetStream's errors that mean something to the store. */
export const JETSTREAM_CODES = {
  noMessage: 10037,
  notEnabledForAccount: 10039,
  streamNotFound: 10059,
  streamNameInUse: 10058,
  subjectsOverlap: 10065,
  wrongLastSequence: 10071,
  wrongLastSequenceConstant: 10164,
  notEnabled: 10076,
  consumerNotFound: 10014,
} as const;
