import { type Decision, decideAppend } from "./decide-append.ts";
import type { EventLog, ExpectedState } from "./event-log.ts";
import { isSoftDeleted, readablePosition } from "./stream-view.ts";
import { type Placed, writeTogether } from "./write-events.ts";

/** A stream of an append to several: written, or only looked at. */
export interface SessionStream {
  readonly streamName: string;
  readonly expected: ExpectedState;
}

/** What stands against an append to several streams, of one of them. */
export interface Violation {
  readonly stream: SessionStream;
  readonly index: number;
  readonly actual: bigint;
  readonly isTombstoned: boolean;
  readonly isSoftDeleted: boolean;
}

/** The answer to an append to several streams: all is written, or nothing. */
export type SessionResult =
  | {
      readonly kind: "written";
      readonly revisions: ReadonlyMap<string, bigint>;
      readonly position: bigint;
    }
  | { readonly kind: "refused"; readonly violations: readonly Violation[] }
  /** Some streams have the events already and others do not: the server finds no answer to that. */
  | { readonly kind: "confused" };

/** Appends to several streams in one tick. */
export function appendTogether(
  log: EventLog,
  streams: readonly SessionStream[],
  placed: readonly Placed[],
  { isAtLeast26_2, nowMs }: { readonly isAtLeast26_2: boolean; readonly nowMs: number },
): SessionResult {
  const decisions = streams.map(({ streamName, expected }) => {
    const events = placed.filter((entry) => entry.streamName === streamName).map((entry) => entry.event);
    return decideAppend(log, streamName, expected, events);
  });
  const isDeleted = decisions.some((decision) => decision.kind === "deleted");
  if (isDeleted) return { kind: "refused", violations: violationsOf(log, streams, decisions) };
  if (decisions.every((decision) => decision.kind === "write")) return write(log, placed);
  const written = streams.flatMap(({ streamName }, index) =>
    placed.some((entry) => entry.streamName === streamName) ? [decisions[index]] : [],
  );
  const isRepetition = (isAtLeast26_2 ? written : decisions).every((decision) => decision?.kind === "repeated");
  if (isRepetition) return repeated(log, streams, decisions, nowMs);
  if (isAtLeast26_2) return { kind: "refused", violations: violationsOf(log, streams, decisions) };
  const isClear = decisions.every((decision) => decision.kind === "write" || decision.kind === "conflict");
  return isClear ? { kind: "refused", violations: violationsOf(log, streams, decisions) } : { kind: "confused" };
}

function write(log: EventLog, placed: readonly Placed[]): SessionResult {
  const last = writeTogether(log, placed);
  const revisions = new Map(placed.map(({ streamName }) => [streamName, log.lastRevision(streamName)]));
  log.announce();
  return { kind: "written", revisions, position: last?.position ?? -1n };
}

function repeated(
  log: EventLog,
  streams: readonly SessionStream[],
  decisions: readonly Decision[],
  nowMs: number,
): SessionResult {
  const revisions = new Map<string, bigint>();
  let position = -1n;
  for (const [index, decision] of decisions.entries()) {
    const stream = streams[index];
    if (stream === undefined || decision.kind !== "repeated") continue;
    revisions.set(stream.streamName, decision.last.revision);
    const place = readablePosition(log, decision.last, nowMs);
    if (place !== undefined && place > position) position = place;
  }
  return { kind: "written", revisions, position };
}

function violationsOf(
  log: EventLog,
  streams: readonly SessionStream[],
  decisions: readonly Decision[],
): readonly Violation[] {
  return streams.flatMap((stream, index) => {
    const kind = decisions[index]?.kind;
    if (kind === undefined || kind === "write") return [];
    const { streamName } = stream;
    return [
      {
        stream,
        index,
        actual: log.lastRevision(streamName),
        isTombstoned: log.isTombstoned(streamName),
        isSoftDeleted: isSoftDeleted(log, streamName),
      },
    ];
  });
}
