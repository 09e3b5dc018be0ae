import { type ServerDuplexStream, status } from "@grpc/grpc-js";
import { authorizationOf, needsLeader } from "./access.ts";
import type { ExpectedState, NewEvent } from "./event-log.ts";
import { type Failure, NOT_READY, TIMED_OUT, toServiceError } from "./failures.ts";
import type { BatchAppendRequest, BatchAppendResponse, DetailMessage } from "./messages.ts";
import { type Backend, perform } from "./perform.ts";
import { encodeV1 } from "./protocol.ts";
import { type Excess, findExcess } from "./size-limit.ts";
import {
  fromPosition,
  fromStreamName,
  fromUuid,
  toExpectedState,
  toNewEvent,
  toStreamName,
  toUuid,
} from "./wire-values.ts";
import { append, type WriteResult } from "./write-events.ts";

type Call = ServerDuplexStream<BatchAppendRequest, BatchAppendResponse>;
type Answer = Pick<BatchAppendResponse, "error" | "success">;

interface PendingAppend {
  readonly streamName: string;
  readonly expected: ExpectedState;
  readonly events: NewEvent[];
  /** Whether its time was over when it came, by the clock of the server. */
  readonly isLate: boolean;
}

/** All appends of a client come over one long call; the parts of different appends may be mixed. */
export function serveBatchAppend(backend: Backend, call: Call): void {
  const pending = new Map<string, PendingAppend>();
  call.on("data", (request: BatchAppendRequest) => {
    const id = toUuid(request.correlation_id);
    if (request.options !== undefined) {
      const { deadline } = request.options;
      const isLate = deadline !== undefined && Number(deadline.seconds ?? "0") * 1_000 <= backend.now();
      const streamName = toStreamName(request.options.stream);
      pending.set(id, { streamName, expected: toExpectedState(request.options), events: [], isLate });
    }
    const collected = pending.get(id);
    // Parts of an append whose beginning never came are of no use, on a real server as well.
    if (collected === undefined) return;
    collected.events.push(...(request.events ?? []).map(toNewEvent));
    if (request.is_final !== true) return;
    pending.delete(id);
    appendOne(backend, call, id, collected);
  });
  call.on("end", () => call.end());
  call.on("error", () => {});
}

function appendOne(backend: Backend, call: Call, id: string, pending: PendingAppend): void {
  const { streamName, expected, events, isLate } = pending;
  const answer = (content: Answer) =>
    void call.write({ correlation_id: fromUuid(id), stream: fromStreamName(streamName), ...content });
  const control = {
    operation: "append" as const,
    streams: [streamName],
    authorization: authorizationOf(call.metadata),
    needsLeader: needsLeader(call.metadata),
    drop: () => backend.dropPeer(call.getPeer()),
    end: () => call.end(),
    fail: (failure: Failure) => {
      const error = asBatchError(failure);
      if (error === undefined) call.emit("error", toServiceError(failure));
      else answer({ error });
    },
  };
  backend.noteCall("BatchAppend", control);
  const work = (): Answer => {
    if (isLate) return { error: timedOut() };
    const excess = findExcess(backend.sizeLimits(), events);
    if (excess !== undefined) return { error: tooLarge(excess) };
    return toAnswer(streamName, expected, append(backend.log, streamName, expected, events, backend.now()));
  };
  void perform(backend, control, work, answer);
}

function toAnswer(streamName: string, expected: ExpectedState, result: WriteResult): Answer {
  switch (result.kind) {
    case "written":
      return {
        success: {
          ...(result.revision < 0n ? { no_stream: {} } : { revision: String(result.revision) }),
          ...(result.position === undefined ? { no_position: {} } : { position: fromPosition(result.position) }),
        },
      };
    case "conflict":
      return { error: conflict(expected, result.current) };
    case "deleted":
      return { error: deleted(streamName) };
  }
}

type BatchError = NonNullable<BatchAppendResponse["error"]>;

function conflict(expected: ExpectedState, current: bigint): BatchError {
  const details = detail("WrongExpectedVersion", {
    ...(current < 0n ? { current_no_stream: {} } : { current_revision: String(current) }),
    ...fromExpectedState(expected),
  });
  return { code: status.FAILED_PRECONDITION, message: "WrongExpectedVersion", details };
}

function deleted(streamName: string): BatchError {
  const details = detail("StreamDeleted", { stream: fromStreamName(streamName) });
  return { code: status.FAILED_PRECONDITION, message: "Stream deleted", details };
}

/** The client knows only the limit of an append; the newer one of an event is an unknown error to it. */
function tooLarge({ kind, limit }: Excess): BatchError {
  if (kind === "event") {
    const details = emptyDetail("MaximumAppendEventSizeExceeded");
    return { code: status.INVALID_ARGUMENT, message: "MaximumAppendEventSizeExceeded", details };
  }
  const details = detail("MaximumAppendSizeExceeded", { limit });
  return { code: status.INVALID_ARGUMENT, message: "MaximumAppendSizeExceeded", details };
}

/** What a real server says in an answer instead of breaking the call off. */
function asBatchError(failure: Failure): BatchError | undefined {
  const { code, details: message = "", trailers = {} } = failure;
  if (trailers["exception"] === "access-denied") return { code, message, details: emptyDetail("AccessDenied") };
  if (failure === TIMED_OUT) return timedOut();
  const nothing = { type_url: "type.googleapis.com/google.protobuf.Empty", value: Buffer.alloc(0) };
  return failure === NOT_READY ? { code, message, details: nothing } : undefined;
}

function timedOut(): BatchError {
  return { code: status.DEADLINE_EXCEEDED, message: "Timeout", details: emptyDetail("Timeout") };
}

function detail(name: string, message: object): DetailMessage {
  return { type_url: `type.googleapis.com/event_store.client.${name}`, value: encodeV1(name, message) };
}

function emptyDetail(name: string): DetailMessage {
  return { type_url: `type.googleapis.com/event_store.client.${name}`, value: Buffer.alloc(0) };
}

function fromExpectedState(expected: ExpectedState): object {
  if (expected === "any") return { any: {} };
  if (expected === "no-stream") return { no_stream: {} };
  if (expected === "stream-exists") return { stream_exists: {} };
  return { expected_revision: String(expected) };
}
