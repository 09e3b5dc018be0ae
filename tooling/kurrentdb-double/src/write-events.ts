import { type Decision, decideAppend } from "./decide-append.ts";
import type { EventLog, ExpectedState, LoggedEvent, NewEvent } from "./event-log.ts";
import {
  DELETED_BEFORE,
  isSoftDeleted,
  metadataOf,
  metastreamOf,
  originalOf,
  readablePosition,
} from "./stream-view.ts";

/** The answer to an append or a deletion. */
export type WriteResult =
  | {
      readonly kind: "written";
      /** The last revision of this append, -1n of an empty append to a missing stream. */
      readonly revision: bigint;
      /** Absent of an empty append, and of a repetition of events that are hidden by now. */
      readonly position: bigint | undefined;
    }
  | { readonly kind: "conflict"; readonly current: bigint }
  | { readonly kind: "deleted" };

/** Appends to one stream, in one tick: nothing can come between the check and the write. */
export function append(
  log: EventLog,
  streamName: string,
  expected: ExpectedState,
  events: readonly NewEvent[],
  nowMs: number,
): WriteResult {
  const decision = decideAppend(log, streamName, expected, events);
  if (decision.kind === "repeated") {
    const { last } = decision;
    return { kind: "written", revision: last.revision, position: readablePosition(log, last, nowMs) };
  }
  if (decision.kind !== "write") return toRefusal(decision);
  const last = writeTogether(
    log,
    events.map((event) => ({ streamName, event })),
  );
  log.announce();
  if (last !== undefined) return written(last);
  return { kind: "written", revision: log.lastRevision(streamName), position: undefined };
}

/** Deletes a stream softly: its metadata hides all its events, and is lost itself. */
export function softDelete(log: EventLog, streamName: string, expected: ExpectedState): WriteResult {
  const decision = decideAppend(log, streamName, expected, [{ id: crypto.randomUUID() }]);
  if (decision.kind !== "write") return toRefusal(decision);
  const exists = log.lastRevision(streamName) >= 0n || log.lastRevision(metastreamOf(streamName)) >= 0n;
  if (!exists) return { kind: "conflict", current: -1n };
  log.write(metastreamOf(streamName), [metadataEvent(`{"$tb":${DELETED_BEFORE}}`)]);
  log.announce();
  return written(log.events.at(-1));
}

/** Closes a stream for ever. */
export function tombstone(log: EventLog, streamName: string, expected: ExpectedState): WriteResult {
  const decision = decideAppend(log, streamName, expected, [{ id: crypto.randomUUID() }]);
  if (decision.kind !== "write") return toRefusal(decision);
  const entry = log.tombstone(streamName);
  log.announce();
  return written(entry);
}

/** An event and where it goes. */
export interface Placed {
  readonly streamName: string;
  readonly event: NewEvent;
}

/** Writes events that were decided on, and makes streams that were deleted softly visible from here on. */
export function writeTogether(log: EventLog, placed: readonly Placed[]): LoggedEvent | undefined {
  const revived = new Map<string, bigint>();
  for (const { streamName } of placed) {
    const original = originalOf(streamName);
    for (const name of original === undefined ? [streamName] : [streamName, original]) {
      if (isSoftDeleted(log, name)) revived.set(name, log.lastRevision(name) + 1n);
    }
  }
  for (const { streamName, event } of placed) log.write(streamName, [event]);
  const last = placed.length === 0 ? undefined : log.events.at(-1);
  for (const [name, firstRevision] of revived) {
    const metadata = { ...metadataOf(log, name), $tb: Number(firstRevision) };
    log.write(metastreamOf(name), [metadataEvent(JSON.stringify(metadata))]);
  }
  return last;
}

function toRefusal(decision: Decision): WriteResult {
  if (decision.kind === "deleted") return decision;
  if (decision.kind === "conflict" || decision.kind === "half-repeated") {
    return { kind: "conflict", current: decision.current };
  }
  throw new Error(`a decision to ${decision.kind} is no refusal`);
}

function written(event: LoggedEvent | undefined): WriteResult {
  if (event === undefined) throw new Error("the log is empty after a write");
  return { kind: "written", revision: event.revision, position: event.position };
}

function metadataEvent(json: string): NewEvent {
  return {
    id: crypto.randomUUID(),
    type: "$metadata",
    contentType: "application/json",
    customMetadata: Buffer.alloc(0),
    data: Buffer.from(json),
  };
}
