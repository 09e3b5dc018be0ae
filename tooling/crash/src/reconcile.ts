import type { RecordedEvent } from "@es/core";
import type { Intent, Journal, SeenPage } from "./journal.ts";

/** Everything that is known after all processes are dead. */
export interface Evidence {
  /** The log, read from the start. */
  readonly log: readonly Pick<RecordedEvent, "id" | "streamId" | "version" | "position">[];
  readonly journals: readonly Journal[];
  /** What each live reader saw, over all its lives. */
  readonly seen: readonly (readonly SeenPage[])[];
  /** SQLite's own check of the file: `ok`, or what is wrong. */
  readonly integrity: string;
}

type Place = { readonly index: number; readonly streamId: string; readonly version: number; readonly position: string };

/** Compares what was promised with what is stored. Returns what does not fit, in words; nothing when all is well. */
export function reconcile(evidence: Evidence): string[] {
  const problems: string[] = evidence.integrity === "ok" ? [] : [`the file is damaged: ${evidence.integrity}`];
  const places = placesOf(evidence, problems);
  const intended = new Set<string>();
  for (const journal of evidence.journals) {
    const intents = new Map<string, Intent>();
    const lastOfLane = new Map<number, string>();
    for (const line of journal) {
      if (line.kind === "intent") {
        intents.set(line.op, line);
        for (const { ids } of line.writes) for (const id of ids) intended.add(id);
        checkWhole(line, places, problems);
        continue;
      }
      const intent = intents.get(line.op);
      if (intent === undefined) {
        problems.push(`the journal has an outcome without an intent: ${line.op}`);
      } else if (line.kind === "refused") {
        if (intent.writes.some(({ ids }) => ids.some((id) => places.has(id)))) {
          problems.push(`append ${line.op} was refused (${line.code}) and is stored`);
        }
      } else {
        checkAcknowledged(intent, line, places, problems);
        const before = lastOfLane.get(intent.lane) ?? "";
        // A retry may be answered with a place from before the kill, when lanes had gone on.
        if (!line.isRetry && line.position <= before)
          problems.push(`append ${line.op} stands before the one its lane made earlier`);
        if (!line.isRetry) lastOfLane.set(intent.lane, line.position);
      }
    }
  }
  for (const { id } of evidence.log)
    if (!intended.has(id)) problems.push(`event ${id} is stored and nobody appended it`);
  for (const pages of evidence.seen) checkSeen(pages, evidence.log, problems);
  return problems;
}

function placesOf({ log }: Evidence, problems: string[]): ReadonlyMap<string, Place> {
  const places = new Map<string, Place>();
  const versions = new Map<string, number>();
  let last = "";
  for (const [index, { id, streamId, version, position }] of log.entries()) {
    if (places.has(id)) problems.push(`event ${id} is stored twice`);
    places.set(id, { index, streamId, version, position });
    if (position <= last) problems.push(`position ${position} follows ${last}`);
    last = position;
    const expected = (versions.get(streamId) ?? 0) + 1;
    if (version !== expected) problems.push(`stream ${streamId} has version ${version} where ${expected} should be`);
    versions.set(streamId, version);
  }
  return places;
}

/** All of an append is stored, side by side, or nothing of it. */
function checkWhole({ op, writes }: Intent, places: ReadonlyMap<string, Place>, problems: string[]): void {
  const ids = writes.flatMap((write) => write.ids);
  const stored = ids.map((id) => places.get(id)?.index).filter((index) => index !== undefined);
  if (stored.length === 0) return;
  if (stored.length < ids.length) {
    problems.push(`append ${op} is stored in part: ${stored.length} of ${ids.length} events`);
  } else if (stored.some((index, offset) => index !== (stored[0] ?? 0) + offset)) {
    problems.push(`append ${op} is torn: other events stand between its own`);
  }
}

function checkAcknowledged(
  { op, writes }: Intent,
  answer: { readonly versions: readonly number[]; readonly position: string },
  places: ReadonlyMap<string, Place>,
  problems: string[],
): void {
  for (const [index, { streamId, ids }] of writes.entries()) {
    for (const [offset, id] of ids.entries()) {
      const place = places.get(id);
      const version = (answer.versions[index] ?? Number.NaN) - ids.length + 1 + offset;
      if (place === undefined) problems.push(`append ${op} was acknowledged and event ${id} is lost`);
      else if (place.streamId !== streamId || place.version !== version) {
        problems.push(
          `event ${id} of ${op} stands at ${place.streamId}@${place.version}, acknowledged was ${streamId}@${version}`,
        );
      }
    }
  }
  const lastId = writes.at(-1)?.ids.at(-1) ?? "";
  const stored = places.get(lastId)?.position;
  if (stored !== undefined && stored !== answer.position) {
    problems.push(`append ${op} was acknowledged at ${answer.position} and stands at ${stored}`);
  }
}

/** A live reader saw the log from its start, in its order, without a hole and without a double. */
function checkSeen(pages: readonly SeenPage[], log: Evidence["log"], problems: string[]): void {
  const ids = pages.flatMap((page) => page.ids);
  const wrong = ids.findIndex((id, index) => id !== log[index]?.id);
  if (wrong !== -1)
    problems.push(
      `a live reader saw ${ids[wrong]} as event ${wrong + 1}, the log has ${log[wrong]?.id ?? "nothing"} there`,
    );
}
