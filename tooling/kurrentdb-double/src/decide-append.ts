import type { EventLog, ExpectedState, LoggedEvent, NewEvent } from "./event-log.ts";
import { isSoftDeleted, metastreamOf } from "./stream-view.ts";

/** What the server does with an append. */
export type Decision =
  | { readonly kind: "write"; readonly wasSoftDeleted: boolean }
  | { readonly kind: "repeated"; readonly last: LoggedEvent }
  | { readonly kind: "conflict"; readonly current: bigint }
  /** The first events are there already and others not: for one stream the same as a conflict. */
  | { readonly kind: "half-repeated"; readonly current: bigint }
  | { readonly kind: "deleted" };

/** Decides an append by the expected state of its stream and by the ids of its events. */
export function decideAppend(
  log: EventLog,
  streamName: string,
  expected: ExpectedState,
  events: readonly Pick<NewEvent, "id">[],
): Decision {
  if (log.isTombstoned(streamName)) return { kind: "deleted" };
  const ids = events.map((event) => event.id);
  if (expected === "any") return decideByRecall(log, streamName, ids);
  if (expected === "stream-exists") return decideExisting(log, streamName, ids);
  return decideExact(log, streamName, expected === "no-stream" ? -1n : expected, ids);
}

function decideExisting(log: EventLog, streamName: string, ids: readonly string[]): Decision {
  if (isSoftDeleted(log, streamName)) return { kind: "deleted" };
  // A stream of which only the metadata was written exists.
  const exists = log.lastRevision(streamName) >= 0n || log.lastRevision(metastreamOf(streamName)) >= 0n;
  return exists ? decideByRecall(log, streamName, ids) : { kind: "conflict", current: -1n };
}

/** Without a revision the server has only its short memory of event ids to recognize a repetition. */
function decideByRecall(log: EventLog, streamName: string, ids: readonly string[]): Decision {
  const write: Decision = { kind: "write", wasSoftDeleted: isSoftDeleted(log, streamName) };
  let last: bigint | undefined;
  for (const [index, id] of ids.entries()) {
    const seen = log.recall(id);
    if (seen?.streamName !== streamName) {
      return index === 0 ? write : { kind: "half-repeated", current: log.lastRevision(streamName) };
    }
    last = seen.revision;
  }
  const event = last === undefined ? undefined : log.streamEvents(streamName)[Number(last)];
  return event === undefined ? write : { kind: "repeated", last: event };
}

/** With a revision the server looks into the log: a repetition has the same ids at exactly the places it asks for. */
function decideExact(log: EventLog, streamName: string, expected: bigint, ids: readonly string[]): Decision {
  const current = log.lastRevision(streamName);
  const wasSoftDeleted = isSoftDeleted(log, streamName);
  if (expected === current) return { kind: "write", wasSoftDeleted };
  const stored = log.streamEvents(streamName).slice(Number(expected + 1n), Number(expected + 1n) + ids.length);
  const last = stored.at(-1);
  // Without events there is nothing to recognize.
  const isRepetition = ids.length > 0 && ids.every((id, index) => stored[index]?.id === id);
  if (last !== undefined && isRepetition) return { kind: "repeated", last };
  if (ids.length > 0 && stored[0]?.id === ids[0]) return { kind: "half-repeated", current };
  return expected === -1n && wasSoftDeleted ? { kind: "write", wasSoftDeleted } : { kind: "conflict", current };
}
