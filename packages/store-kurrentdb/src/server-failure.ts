/**
 * What a failed call of the client means for the store:
 * - `conflict`: a stream is not in the state that was named. Nothing was written.
 * - `closed`: the stream was deleted for good. Nothing was written.
 * - `absent`: there is no such stream.
 * - `too-large`, `denied`, `unsupported`, `refused`: the server will not do it. Nothing was written.
 * - `no-place`: the log has no entry at the position that was named.
 * - `not-sent`: no server did anything.
 * - `not-leader`: the server is no leader, or not any more. It has not done this call, unless that was an append in a batch: the
 *   client gives this answer to every append that was under way on the connection, also to those that are done.
 * - `lost`: there was no answer, or one that says nothing about what was done.
 */
export type FailureKind =
  | "conflict"
  | "closed"
  | "absent"
  | "too-large"
  | "denied"
  | "unsupported"
  | "refused"
  | "no-place"
  | "not-sent"
  | "not-leader"
  | "lost";

/** Facts that some failures bring. */
export interface FailureFacts {
  /** The stream that a conflict is about. */
  readonly stream?: string;
  /** Its version, as the store counts. */
  readonly actual?: number;
  /** The limit that was exceeded, and by what. */
  readonly limit?: number;
  readonly size?: number;
}

/** A call of the client failed. */
export class ServerFailure extends Error {
  readonly kind: FailureKind;
  readonly facts: FailureFacts;
  /** Whether the client may be broken for good, and must be replaced. */
  readonly isClientSuspect: boolean;

  constructor(
    kind: FailureKind,
    message: string,
    options: ErrorOptions & { readonly facts?: FailureFacts; readonly isClientSuspect?: boolean } = {},
  ) {
    super(message, options);
    this.name = "ServerFailure";
    this.kind = kind;
    this.facts = options.facts ?? {};
    this.isClientSuspect = options.isClientSuspect ?? (kind === "lost" || kind === "not-sent" || kind === "denied");
  }
}

/** Whether a call failed because there is no such stream, or none any more. */
export function isNoStream(error: unknown): boolean {
  return error instanceof ServerFailure && (error.kind === "absent" || error.kind === "closed");
}

const KINDS: ReadonlyMap<unknown, FailureKind> = new Map<unknown, FailureKind>([
  ["wrong-expected-version", "conflict"],
  ["append-consistency-violation", "conflict"],
  ["stream-deleted", "closed"],
  ["stream-tombstoned", "closed"],
  ["stream-not-found", "absent"],
  ["no-stream", "absent"],
  ["maximum-append-size-exceeded", "too-large"],
  ["transaction-max-size-exceeded", "too-large"],
  ["append-record-size-exceeded", "too-large"],
  ["access-denied", "denied"],
  ["unsupported", "unsupported"],
  ["invalid-argument", "refused"],
]);

const INVALID_ARGUMENT = 3;
const PERMISSION_DENIED = 7;
const FAILED_PRECONDITION = 9;
const UNIMPLEMENTED = 12;
const UNAUTHENTICATED = 16;
const CODES: ReadonlyMap<unknown, FailureKind> = new Map<unknown, FailureKind>([
  [INVALID_ARGUMENT, "refused"],
  [PERMISSION_DENIED, "denied"],
  [FAILED_PRECONDITION, "refused"],
  [UNIMPLEMENTED, "unsupported"],
  [UNAUTHENTICATED, "denied"],
]);

/** What gRPC says when it had no connection over which to send. */
const NEVER_CONNECTED = "No connection established";
/** What the server says of one append of a batch, and the client does not recognise; it says the rest of the text itself. */
const UNRECOGNISED: readonly (readonly [RegExp, FailureKind])[] = [
  [/Could not recognize Maximum ?Append ?Event ?Size ?Exceeded/, "too-large"],
  [/Could not recognize BadRequest/, "refused"],
  [/Could not recognize (?:Server Is (?:Not Ready|Busy|Too Busy)|No leader info)/, "not-sent"],
];
/** What the second protocol says where the first names the leader, which the client does not recognise. */
const NO_LEADER = "not the leader node";
const NO_PLACE = "invalid position";
/** What the server says of a stream, in a conflict over several, that was deleted for good: from 26.2 on, and before. */
const TOMBSTONED: ReadonlySet<bigint> = new Set([-6n, -100n]);

/**
 * What an error of the client means. Its classes are told apart by their `type`, since there may be two copies of the client; some
 * errors come without any class, and what is not known is taken for a lost answer.
 */
export function toServerFailure(error: unknown): ServerFailure {
  if (error instanceof ServerFailure) return error;
  const cause = error instanceof Error ? error : new Error(String(error));
  const options = { cause };
  const type = member(cause, "type");
  if (type === "not-leader") {
    // The client goes to the leader with its next call.
    return new ServerFailure("not-leader", "the server is not the leader of its cluster", {
      ...options,
      isClientSuspect: false,
    });
  }
  if (cause.message.includes(NO_PLACE)) return new ServerFailure("no-place", textOf(cause), options);
  // A new client looks for the leader where the connection string names several servers.
  if (cause.message.includes(NO_LEADER)) return new ServerFailure("not-sent", textOf(cause), options);
  const facts = factsOf(cause);
  const isClosed = facts.actual !== undefined && Number.isNaN(facts.actual);
  const kind = isClosed ? "closed" : (KINDS.get(type) ?? CODES.get(member(cause, "code")));
  if (kind !== undefined) return new ServerFailure(kind, textOf(cause), { ...options, facts });
  const unrecognised = UNRECOGNISED.find(([text]) => text.test(cause.message));
  if (unrecognised !== undefined) return new ServerFailure(unrecognised[1], textOf(cause), options);
  const isNotSent = cause.message.includes(NEVER_CONNECTED);
  return new ServerFailure(isNotSent ? "not-sent" : "lost", textOf(cause), options);
}

/** What gRPC and OpenSSL put around the words that say what happened. */
const NOISE =
  /^Could not recognize |^\d+ [A-Z_]+: |(?:No connection established\. )?Last error: (?:Error: )?|[\dA-F]+:error:[\dA-F]+:(?=SSL routines)|\. Resolution note: $/g;
const OPENSSL = /^SSL routines:[^:]*:([^:]+):.*/;

/** An error's text in one line, without noise; some of the client's have none. */
export function textOf(error: Error): string {
  const [line = ""] = error.message.split("\n");
  const text = line.replaceAll(NOISE, "").replace(OPENSSL, "TLS: $1").trim();
  return text || line || inWords(error.constructor.name);
}

/** What the name of a class says: `AccessDeniedError` is "access denied". */
function inWords(name: string): string {
  return name
    .replace(/(?<=.)Error$/, "")
    .replaceAll(/(?<=[a-z])(?=[A-Z])/g, " ")
    .toLowerCase();
}

function factsOf(error: Error): FailureFacts {
  const violation: unknown = listOf(member(error, "violations"))[0];
  const source = violation instanceof Object ? violation : error;
  const stream = member(source, "streamName");
  const actual = member(source, "actualState");
  const limit = member(error, "maxAppendSize") ?? member(error, "maxSize");
  const size = member(error, "size");
  return {
    ...(typeof stream === "string" ? { stream } : {}),
    ...(actual === undefined ? {} : { actual: versionOfState(actual) }),
    ...(typeof limit === "number" ? { limit } : {}),
    ...(typeof size === "number" ? { size } : {}),
  };
}

/** The version of a stream in this state; `NaN` when it was deleted for good. */
function versionOfState(state: unknown): number {
  if (typeof state !== "bigint") return 0;
  if (TOMBSTONED.has(state)) return Number.NaN;
  return state < 0n ? 0 : Number(state) + 1;
}

function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

function member(object: object, name: string): unknown {
  return Reflect.get(object, name);
}
