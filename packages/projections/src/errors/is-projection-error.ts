import { isEventSourcingError } from "@es/core";
import {
  type CheckpointConflictError,
  type CheckpointMismatchError,
  type CheckpointUnreadableError,
  type FeedIntegrityError,
  type HandlerFailedError,
  type LeaseLostError,
  type ParkingFullError,
  PROJECTION_ERROR_CODES,
  type ProjectionReplacedError,
  type ProjectionStoppedError,
  type WaitTimeoutError,
} from "./errors.ts";

/** Every error of this package. */
export type ProjectionError =
  | CheckpointConflictError
  | CheckpointMismatchError
  | CheckpointUnreadableError
  | FeedIntegrityError
  | HandlerFailedError
  | LeaseLostError
  | ParkingFullError
  | ProjectionReplacedError
  | ProjectionStoppedError
  | WaitTimeoutError;

/**
 * Whether `error` is an error of this package, of the given code if one is given, which also tells its fields. For those of the other
 * packages there is `isEventSourcingError` of `@es/core`.
 *
 * @example
 * ```ts
 * import { isProjectionError } from "@es/projections";
 *
 * export const isLate = (error: unknown): boolean => isProjectionError(error, "ES_WAIT_TIMEOUT");
 * ```
 */
export function isProjectionError<Code extends ProjectionError["code"] = ProjectionError["code"]>(
  error: unknown,
  code?: Code,
): error is Extract<ProjectionError, { readonly code: Code }> {
  if (!isEventSourcingError(error)) return false;
  return code === undefined ? PROJECTION_ERROR_CODES.some((known) => known === error.code) : error.code === code;
}
