import { type ServerReadableStream, type sendUnaryData, status } from "@grpc/grpc-js";
import { authorizationOf, needsLeader } from "./access.ts";
import type { ExpectedState, NewEvent } from "./event-log.ts";
import { type Failure, streamDeleted, toServiceError } from "./failures.ts";
import type { AppendConflictMessage, AppendRequest, AppendResponse, ExpectedStreamMessage } from "./messages.ts";
import { type Backend, perform } from "./perform.ts";
import { type Excess, findExcess } from "./size-limit.ts";
import { fromPosition, toExpectedState, toNewEvent, toStreamName } from "./wire-values.ts";
import { append, type WriteResult } from "./write-events.ts";

/** The older way to append: one call each. A conflict is an answer here, not an error. */
export function serveAppend(
  backend: Backend,
  call: ServerReadableStream<AppendRequest, AppendResponse>,
  callback: sendUnaryData<AppendResponse>,
): void {
  const events: NewEvent[] = [];
  let options: ExpectedStreamMessage | undefined;
  call.on("data", (request: AppendRequest) => {
    if (request.content === "options") options = request.options;
    else if (request.event !== undefined) events.push(toNewEvent(request.event));
  });
  call.on("error", () => {});
  call.on("end", () => {
    const streamName = toStreamName(options?.stream);
    const expected = toExpectedState(options);
    const fail = (failure: Failure) => callback(toServiceError(failure));
    const control = {
      operation: "append" as const,
      streams: [streamName],
      authorization: authorizationOf(call.metadata),
      needsLeader: needsLeader(call.metadata),
      drop: () => backend.dropPeer(call.getPeer()),
      end: () => fail(cannotEnd()),
      fail,
    };
    backend.noteCall("Append", control);
    const excess = findExcess(backend.sizeLimits(), events);
    if (excess !== undefined) return fail(tooLarge(excess));
    const work = () => append(backend.log, streamName, expected, events, backend.now());
    return void perform(backend, control, work, (result) => answer(callback, streamName, expected, result));
  });
}

/** A call with a single answer cannot end without it. */
export function cannotEnd(): Failure {
  return { code: status.INTERNAL, details: 'only streaming calls can misbehave with how: "end"' };
}

function answer(
  callback: sendUnaryData<AppendResponse>,
  streamName: string,
  expected: ExpectedState,
  result: WriteResult,
): void {
  switch (result.kind) {
    case "written": {
      const current = result.revision < 0n ? { no_stream: {} } : { revision: String(result.revision) };
      const place = result.position === undefined ? { no_position: {} } : { position: fromPosition(result.position) };
      return callback(null, { success: { ...current, ...place } });
    }
    case "conflict":
      return callback(null, { conflict: toConflict(expected, result.current) });
    case "deleted":
      return callback(toServiceError(streamDeleted(streamName)));
  }
}

function toConflict(expected: ExpectedState, current: bigint): AppendConflictMessage {
  const actual = current < 0n ? { current_no_stream: {} } : { current_revision: String(current) };
  if (expected === "any") return { ...actual, any: {} };
  if (expected === "no-stream") return { ...actual, no_stream: {} };
  if (expected === "stream-exists") return { ...actual, stream_exists: {} };
  return { ...actual, expected_revision: String(expected) };
}

function tooLarge({ kind, limit }: Excess): Failure {
  if (kind === "event") return { code: status.INVALID_ARGUMENT, details: "Maximum Append Event Size Exceeded" };
  const trailers = { exception: "maximum-append-size-exceeded", "maximum-append-size": String(limit) };
  return { code: status.INVALID_ARGUMENT, details: "Maximum Append Size Exceeded", trailers };
}
