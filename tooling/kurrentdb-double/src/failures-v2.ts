import { status } from "@grpc/grpc-js";
import { expectedNumber, type Failure, NOT_READY, TIMED_OUT } from "./failures.ts";
import type { Features } from "./perform.ts";
import { encodeV2 } from "./protocol.ts";
import type { Violation } from "./write-session.ts";

const INFO = "type.googleapis.com/google.rpc.ErrorInfo";

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
export function recordsRefused(violations: readonly Violation[], features: Features): Failure {
  return failure(status.FAILED_PRECONDITION, "AppendConsistencyViolationErrorDetails", {
    violations: violations.map((violation) => ({
      stream_state: {
        stream: violation.stream.streamName,
        expected_state: String(expectedNumber(violation.stream.expected)),
        actual_state: actualState(violation, features),
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
  return withDetails(status.INVALID_ARGUMENT, details, []);
}

/** The server knows that a session without any stream is none only when it ends. */
export function noStreams(): Failure {
  return withDetails(status.FAILED_PRECONDITION, "Append session started, but no append requests were sent", []);
}

/** What the first protocol says by the trailer `exception` is a detail here. */
export function inSecondProtocol(failed: Failure): Failure {
  const { exception, ...trailers } = failed.trailers ?? {};
  if (exception === "access-denied") {
    return withDetails(status.PERMISSION_DENIED, "Access Denied", [errorDetail("AccessDeniedErrorDetails")]);
  }
  if (exception === "not-leader") {
    const leader = `${String(trailers["leader-endpoint-host"])}:${String(trailers["leader-endpoint-port"])}`;
    const message = `The server is not the leader node and cannot handle the request. Please retry at ${leader}`;
    return withDetails(status.FAILED_PRECONDITION, message, [errorDetail("NotLeaderNodeErrorDetails")]);
  }
  if (failed === TIMED_OUT) return withDetails(status.DEADLINE_EXCEEDED, "Append timed out", []);
  return failed === NOT_READY ? withDetails(status.UNAVAILABLE, "The server is not ready", []) : failed;
}

// The server's numbers for streams that are gone, where there is no revision to name. They were others before 26.2.
function actualState(violation: Violation, { isAtLeast26_2 }: Features): string {
  if (violation.isTombstoned) return isAtLeast26_2 ? "-6" : "-100";
  if (violation.isSoftDeleted) return isAtLeast26_2 ? "-5" : "-10";
  return String(violation.actual);
}

function failure(code: status, name: string, details: object): Failure {
  return withDetails(code, name, [
    { type_url: `type.googleapis.com/kurrentdb.protocol.v2.streams.errors.${name}`, value: encodeV2(name, details) },
  ]);
}

interface ErrorDetail {
  readonly type_url: string;
  readonly value: Buffer;
}

function errorDetail(name: string): ErrorDetail {
  return { type_url: `type.googleapis.com/kurrent.rpc.${name}`, value: Buffer.alloc(0) };
}

/** Every error has a detail that says which one it is, before the others; the client looks at the last. */
function withDetails(code: status, message: string, details: readonly ErrorDetail[]): Failure {
  const all = [{ type_url: INFO, value: Buffer.alloc(0) }, ...details];
  return {
    code,
    details: message,
    trailers: { "grpc-status-details-bin": encodeV2("Status", { code, message, details: all }) },
  };
}
