import type { Metadata, ServerReadableStream, ServerUnaryCall, sendUnaryData } from "@grpc/grpc-js";
import { authorizationOf } from "./access.ts";
import type { ExpectedState, NewEvent } from "./event-log.ts";
import { type Failure, toServiceError } from "./failures.ts";
import {
  confused,
  inSecondProtocol,
  invalidRequest,
  noStreams,
  recordsRefused,
  recordTooLarge,
  sessionRefused,
  sessionTooLarge,
  streamTwice,
} from "./failures-v2.ts";
import type {
  AppendRecordsRequest,
  AppendRecordsResponse,
  RecordMessage,
  SessionRequest,
  SessionResponse,
  ValueMessage,
} from "./messages-v2.ts";
import type { MisbehavingCall } from "./misbehaviour.ts";
import { type Backend, perform } from "./perform.ts";
import { cannotEnd } from "./serve-append.ts";
import { findExcess } from "./size-limit.ts";
import type { Placed } from "./write-events.ts";
import { appendTogether, type SessionResult, type SessionStream } from "./write-session.ts";

const JSON_FORMAT = 1;

/** Serves an append to several streams, each of them once. */
export function serveAppendSession(
  backend: Backend,
  call: ServerReadableStream<SessionRequest, SessionResponse>,
  callback: sendUnaryData<SessionResponse>,
): void {
  const requests: SessionRequest[] = [];
  call.on("data", (request: SessionRequest) => void requests.push(request));
  call.on("error", () => {});
  call.on("end", () => {
    const streams = requests.map(({ stream = "", expected_revision = "-2" }) => ({
      streamName: stream,
      expected: toExpectedState(expected_revision),
    }));
    const placed = requests.flatMap(({ stream = "", records = [] }) => records.map((record) => place(record, stream)));
    const control = controlOf(backend, call, streams, (failure) => callback(toServiceError(failure)));
    backend.noteCall("AppendSession", control);
    const invalid = findInvalidSession(streams) ?? findInvalidNames(placed) ?? findTooLarge(backend, placed);
    if (invalid !== undefined) return control.fail(invalid);
    const work = () => appendTogether(backend.log, streams, placed, rulesOf(backend));
    return void perform(backend, control, work, (result) => {
      if (result.kind !== "written") return control.fail(toFailure(result, sessionRefused));
      const output = streams.map(({ streamName }) => ({
        stream: streamName,
        stream_revision: String(result.revisions.get(streamName) ?? -1n),
      }));
      return callback(null, { output, position: String(result.position) });
    });
  });
}

/** Serves an append of records to any streams, with checks of these and of others. */
export function serveAppendRecords(
  backend: Backend,
  call: ServerUnaryCall<AppendRecordsRequest, AppendRecordsResponse>,
  callback: sendUnaryData<AppendRecordsResponse>,
): void {
  const { records = [], checks = [] } = call.request;
  const placed = records.map((record) => place(record, record.stream ?? ""));
  const expected = new Map<string, ExpectedState>(placed.map(({ streamName }) => [streamName, "any"]));
  // An expectation that is left out is revision 0, not "any".
  const checked = checks.map(({ stream_state: { stream = "", expected_state = "0" } = {} }) => ({
    streamName: stream,
    expected: toExpectedState(expected_state),
  }));
  for (const check of checked) expected.set(check.streamName, check.expected);
  const streams = [...expected].map(([streamName, state]) => ({ streamName, expected: state }));
  const control = controlOf(backend, call, streams, (failure) => callback(toServiceError(failure)));
  backend.noteCall("AppendRecords", control);
  const invalid = findInvalidRecords(placed, checked) ?? findInvalidNames(placed) ?? findTooLarge(backend, placed);
  if (invalid !== undefined) return control.fail(invalid);
  const work = () => appendTogether(backend.log, streams, placed, rulesOf(backend));
  return void perform(backend, control, work, (result) => {
    if (result.kind !== "written")
      return control.fail(toFailure(result, (violations) => recordsRefused(violations, backend.features)));
    const revisions = [...result.revisions].map(([stream, revision]) => ({ stream, revision: String(revision) }));
    return callback(null, { revisions, position: String(result.position) });
  });
}

function controlOf(
  backend: Backend,
  call: { getPeer(): string; readonly metadata: Metadata },
  streams: readonly SessionStream[],
  fail: (failure: Failure) => void,
): MisbehavingCall {
  return {
    operation: "append",
    streams: streams.map(({ streamName }) => streamName),
    authorization: authorizationOf(call.metadata),
    needsLeader: true,
    drop: () => backend.dropPeer(call.getPeer()),
    end: () => fail(cannotEnd()),
    fail: (failure) => fail(inSecondProtocol(failure)),
  };
}

function rulesOf({ features, now }: Backend): { readonly isAtLeast26_2: boolean; readonly nowMs: number } {
  return { isAtLeast26_2: features.isAtLeast26_2, nowMs: now() };
}

function toFailure(
  result: Exclude<SessionResult, { readonly kind: "written" }>,
  refused: (violations: (typeof result & { kind: "refused" })["violations"]) => Failure,
): Failure {
  return result.kind === "confused" ? confused() : refused(result.violations);
}

function findInvalidSession(streams: readonly SessionStream[]): Failure | undefined {
  if (streams.length === 0) return noStreams();
  const twice = findTwice(streams);
  return twice === undefined ? undefined : streamTwice(twice.streamName);
}

// What the server takes for the name of a schema, which is the type of an event here. The first protocol takes any.
const TYPE = /^[\p{L}\p{N}_.$:-]+$/u;

function findInvalidNames(placed: readonly Placed[]): Failure | undefined {
  const wrong = placed.find(({ event: { type } }) => !TYPE.test(type) || type !== type.normalize("NFC"));
  if (wrong === undefined) return undefined;
  return invalidRequest(
    `Schema name can only contain unicode letters, digits, ... Attempted Value: ${wrong.event.type}`,
  );
}

function findInvalidRecords(placed: readonly Placed[], checked: readonly SessionStream[]): Failure | undefined {
  if (placed.length === 0) return invalidRequest("there are no records");
  if (checked.some(({ expected }) => expected === "any")) return invalidRequest('a check cannot expect "any"');
  return findTwice(checked) === undefined ? undefined : invalidRequest("Each stream can only appear once");
}

/** The server tells names of streams apart without regard to case here. */
function findTwice(streams: readonly SessionStream[]): SessionStream | undefined {
  const names = streams.map(({ streamName }) => streamName.toLowerCase());
  return streams.find(({ streamName }, index) => names.indexOf(streamName.toLowerCase()) < index);
}

function findTooLarge(backend: Backend, placed: readonly Placed[]): Failure | undefined {
  const events = placed.map(({ event }) => event);
  const excess = findExcess(backend.sizeLimits(), events);
  if (excess === undefined) return undefined;
  if (excess.kind === "append") return sessionTooLarge(excess.size, excess.limit);
  const { event, size, limit } = excess;
  const stream = placed.find((entry) => entry.event === event)?.streamName ?? "";
  return recordTooLarge(stream, event.id, size, limit);
}

function place(record: RecordMessage, streamName: string): Placed {
  return { streamName, event: toNewEvent(record) };
}

/** What came as properties is read back over the first protocol as metadata, with two properties of the server's. */
function toNewEvent({ record_id, properties = {}, schema = {}, data = Buffer.alloc(0) }: RecordMessage): NewEvent {
  const type = schema.name ?? "";
  const isJson = schema.format === JSON_FORMAT;
  const metadata = {
    ...Object.fromEntries(Object.entries(properties).map(([name, value]) => [name, toValue(value)])),
    "$schema.name": type,
    "$schema.format": isJson ? "Json" : "Bytes",
  };
  return {
    id: record_id === undefined || record_id === "" ? crypto.randomUUID() : record_id.toLowerCase(),
    type,
    contentType: isJson ? "application/json" : "application/octet-stream",
    customMetadata: Buffer.from(JSON.stringify(metadata)),
    data,
  };
}

function toValue(value: ValueMessage): string | number | boolean | null {
  switch (value.kind) {
    case "string_value":
      return value.string_value ?? "";
    case "number_value":
      return value.number_value ?? 0;
    case "bool_value":
      return value.bool_value ?? false;
    default:
      return null;
  }
}

function toExpectedState(number: string): ExpectedState {
  if (number === "-1") return "no-stream";
  if (number === "-2") return "any";
  if (number === "-4") return "stream-exists";
  return BigInt(number);
}
