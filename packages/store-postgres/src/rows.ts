import { type EventMetadata, type JsonValue, type RecordedEvent, StoreCorruptError } from "@es/core";
import { formatPosition } from "@es/core/adapter";
import type { TextRow } from "./query-runner.ts";

/** Columns of an event, in the order in which {@link toRecordedEvent} takes them, for row `e` of the table of events. */
export const EVENT_COLUMNS =
  "e.position, e.stream, e.version, e.id, e.type, (extract(epoch FROM e.at) * 1000)::bigint, e.tags, e.meta, e.data";

/** @throws StoreCorruptError when one of the texts is not what the store has written */
export function toRecordedEvent(row: TextRow): RecordedEvent {
  const [position, streamId, version, id, type, recordedAt, tags, metadata, data] = row;
  try {
    return {
      id: id ?? "",
      streamId: streamId ?? "",
      version: Number(version),
      position: formatPosition(Number(position)),
      type: type ?? "",
      data: parseData(data ?? ""),
      metadata: typeof metadata !== "string" ? {} : parseMetadata(metadata),
      tags: typeof tags !== "string" ? [] : parseArray(tags),
      recordedAt: Number(recordedAt),
    };
  } catch (cause) {
    throw new StoreCorruptError(
      `the event at position ${position} (stream ${JSON.stringify(streamId)}, version ${version}) cannot be read; was the table edited, or is it damaged?`,
      { cause },
    );
  }
}

/** Number in the first column of a row. */
export function firstNumber(row: TextRow | undefined): number {
  return Number(row?.[0] ?? 0);
}

// The store wrote these texts itself, from values of these types.
function parseData(text: string): JsonValue {
  return JSON.parse(text);
}

function parseMetadata(text: string): EventMetadata {
  return JSON.parse(text);
}

/** The texts in a list as PostgreSQL writes it; none of them is NULL. */
export function parseArray(text: string): readonly string[] {
  const items = text.slice(1, -1).matchAll(/"((?:[^"\\]|\\.)*)"|([^,]+)/gsu);
  return Array.from(items, ([, quoted, bare]) =>
    quoted === undefined ? (bare ?? "") : quoted.replaceAll(/\\(.)/gsu, "$1"),
  );
}
