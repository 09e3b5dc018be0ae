import { status } from "@grpc/grpc-js";
import { expectedNumber, type Failure } from "./failures.ts";
import { encodeV2 } from "./protocol.ts";
import type { Violation } from "./write-session.ts";

// The server's numbers for streams that are gone, where there is no revision to name.
const TOMBSTONED = "-100";
const SOFT_DELETED = "-10";

/** A session names the first stream only that stands against it. */
export function sessionRefused(violations: readonly Violation[]): Failure {
  const [violation] = violations;
  if (violation === undefined) return confused();
  const { stream, actual } = violation;
  const gone = violations.find((other) => other.isTombstoned);
  if (gone !== undefined) {
    return failure(status.FAILED_PRECONDITION, "StreamTombstonedErrorDetails", { stream: gone.stream.streamName });
  }
  return failure(status.FAILED_PRECONDITION, "StreamRevisionConflictErrorDetails", {
    stream: stream.streamName,
    expected_revision: String(expectedNumber(stream.expected)),
    actual_revision: String(actual),
  });
}

/** An append of records names all of them. */
export function recordsRefused(violations: readonly Violation[]): Failure {
  return failure(status.FAILED_PRECONDITION, "AppendConsistencyViolationErrorDetails", {
    violations: violations.map((violation) => ({
      stream_state: {
        stream: violation.stream.streamName,
        expected_state: String(expectedNumber(violation.stream.expected)),
        actual_state: actualState(violation),
      },
    })),
  });
}

/** What comes of a repetition that is known to one stream and new to another: the server fails over it. */
export function confused(): Failure {
  return { code: status.UNKNOWN, details: "Exception was thrown by handler." };
}

export function recordTooLarge(stream: string, recordId: string, size: number, limit: number): Failure {
  const details = { stream, record_id: recordId, size, max_size: limit };
  return failure(status.INVALID_ARGUMENT, "AppendRecordSizeExceededErrorDetails", details);
}

export function sessionTooLarge(size: number, limit: number): Failure {
  return failure(status.ABORTED, "AppendTransactionSizeExceededErrorDetails", { size, max_size: limit });
}

export function streamTwice(stream: string): Failure {
  return failure(status.ABORTED, "StreamAlreadyInAppendSessionErrorDetails", { stream });
}

export function invalidRequest(details: string): Failure {
  return { code: status.INVALID_ARGUMENT, details };
}

function actualState(violation: Violation): string {
  if (violation.isTombstoned) return TOMBSTONED;
  return violation.isSoftDeleted ? SOFT_DELETED : String(violation.actual);
}

function failure(code: status, name: string, details: object): Failure {
  const detail = {
    type_url: `type.googleapis.com/kurrentdb.protocol.v2.streams.errors.${name}`,
    value: encodeV2(name, details),
  };
  const trailer = encodeV2("Status", { code, message: name, details: [detail] });
  return { code, details: name, trailers: { "grpc-status-details-bin": trailer } };
}
