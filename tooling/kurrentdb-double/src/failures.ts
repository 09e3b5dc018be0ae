import { Metadata, status } from "@grpc/grpc-js";
import type { ExpectedState } from "./event-log.ts";

/** How a call fails: a status of gRPC, and the trailers by which the client tells kinds of failures apart. */
export interface Failure {
  readonly code: status;
  readonly details?: string;
  readonly trailers?: Readonly<Record<string, string | Buffer>>;
}

export function accessDenied(): Failure {
  return { code: status.PERMISSION_DENIED, details: "Access Denied", trailers: { exception: "access-denied" } };
}

export const NOT_READY: Failure = { code: status.UNAVAILABLE, details: "Server Is Not Ready" };

/** A write that was not committed in time, or of which the server does not know whether it was. */
export const TIMED_OUT: Failure = { code: status.ABORTED, details: "Operation timed out" };

export function notLeader(host: string, port: number): Failure {
  const trailers = { exception: "not-leader", "leader-endpoint-host": host, "leader-endpoint-port": String(port) };
  return { code: status.NOT_FOUND, details: "Leader info available", trailers };
}

export function streamDeleted(streamName: string): Failure {
  const details = `Event stream '${streamName}' is deleted.`;
  return {
    code: status.FAILED_PRECONDITION,
    details,
    trailers: { exception: "stream-deleted", "stream-name": toTrailer(streamName) },
  };
}

export function wrongExpectedVersion(streamName: string, expected: ExpectedState, current: bigint): Failure {
  const trailers = {
    exception: "wrong-expected-version",
    "stream-name": toTrailer(streamName),
    "expected-version": String(expectedNumber(expected)),
    "actual-version": String(current),
  };
  return { code: status.FAILED_PRECONDITION, details: "WrongExpectedVersion", trailers };
}

/** What a node says that knows of no leader. */
export function noLeader(): Failure {
  return { code: status.UNKNOWN, details: "No leader info available in response" };
}

/** The numbers that stand for states of a stream: -1 no stream, -2 any, -4 exists. */
export function expectedNumber(expected: ExpectedState): bigint {
  if (expected === "no-stream") return -1n;
  if (expected === "any") return -2n;
  if (expected === "stream-exists") return -4n;
  return expected;
}

/** Trailers carry ASCII only; what a real server makes of other names there was not looked at. */
function toTrailer(text: string): string {
  return text.replaceAll(/[^ -~]/g, "?");
}

/** The error object that grpc-js turns into a status. */
export function toServiceError(failure: Failure): Error & { code: status; details: string; metadata: Metadata } {
  const metadata = new Metadata();
  for (const [name, value] of Object.entries(failure.trailers ?? {})) metadata.set(name, value);
  const details = failure.details ?? "";
  return Object.assign(new Error(details), { code: failure.code, details, metadata });
}
