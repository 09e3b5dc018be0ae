import { type Decision, decideAppend } from "./decide-append.ts";
import type { EventLog, ExpectedState, LoggedEvent, NewEvent } from "./event-log.ts";
import { DELETED_BEFORE, metadataOf, metastreamOf } from "./stream-view.ts";

/** The answer to an append or a deletion. */
export type WriteResult =
  | {
      readonly kind: "written";
      /** The last revision of this append, -1n of an empty append to a missing stream. */
      readonly revision: bigint;
      readonly position: bigint | undefined;
    }
  | Exclude<Decision, { readonly kind: "write" | "repeated" }>;

/** Appends to one stream, in one tick: nothing can come between the check and the write. */
export function append(
  log: EventLog,
  streamName: string,
  expected: ExpectedState,
  events: readonly NewEvent[],
): WriteResult {
  const decision = decideAppend(log, streamName, expected, events);
  if (decision.kind === "repeated") return written(decision.last);
  if (decision.kind !== "write") return decision;
  const last = writeTo(log, streamName, events, decision.wasSoftDeleted);
  log.announce();
  return last === undefined
    ? { kind: "written", revision: log.lastRevision(streamName), position: undefined }
    : written(last);
}

/** Deletes a stream softly: its metadata hides all its events, and is lost itself. */
export function softDelete(log: EventLog, streamName: string, expected: ExpectedState): WriteResult {
  const refusal = refuseDeletion(log, streamName, expected);
  if (refusal !== undefined) return refusal;
  log.write(metastreamOf(streamName), [metadataEvent(`{"$tb":${DELETED_BEFORE}}`)]);
  log.announce();
  return written(log.events.at(-1));
}

/** Closes a stream for ever. */
export function tombstone(log: EventLog, streamName: string, expected: ExpectedState): WriteResult {
  const decision = decideAppend(log, streamName, expected, [{ id: crypto.randomUUID() }]);
  if (decision.kind === "conflict" || decision.kind === "deleted") return decision;
  const entry = log.tombstone(streamName);
  log.announce();
  return written(entry);
}

/** Writes events that were decided on, and makes a stream that was deleted softly visible from here on. */
export function writeTo(
  log: EventLog,
  streamName: string,
  events: readonly NewEvent[],
  wasSoftDeleted: boolean,
): LoggedEvent | undefined {
  const firstRevision = log.lastRevision(streamName) + 1n;
  log.write(streamName, events);
  const last = events.length === 0 ? undefined : log.events.at(-1);
  if (wasSoftDeleted) {
    const metadata = { ...metadataOf(log, streamName), $tb: Number(firstRevision) };
    log.write(metastreamOf(streamName), [metadataEvent(JSON.stringify(metadata))]);
  }
  return last;
}

function refuseDeletion(log: EventLog, streamName: string, expected: ExpectedState): WriteResult | undefined {
  const decision = decideAppend(log, streamName, expected, [{ id: crypto.randomUUID() }]);
  if (decision.kind === "conflict" || decision.kind === "deleted") return decision;
  const current = log.lastRevision(streamName);
  return current < 0n ? { kind: "conflict", current } : undefined;
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
