import { type EventMetadata, type JsonValue, type RecordedEvent, StoreCorruptError } from "@es/core";
import { formatPosition } from "@es/core/adapter";

/** Columns of an event, in the order of {@link EventRow}, for row `e` of `es_events`. */
export const EVENT_COLUMNS = "e.position, e.stream, e.version, e.id, e.type, e.at, e.tags, e.metadata, e.data";

/** An event as it is stored. */
export type EventRow = readonly [
  position: number,
  stream: string,
  version: number,
  id: string,
  type: string,
  at: number,
  tags: string | null,
  metadata: string | null,
  data: string,
];

/** @throws StoreCorruptError when one of the JSON texts is none */
export function toRecordedEvent(row: EventRow): RecordedEvent {
  const [position, streamId, version, id, type, recordedAt, tags, metadata, data] = row;
  try {
    return {
      id,
      streamId,
      version,
      position: formatPosition(position),
      type,
      data: parseData(data),
      metadata: metadata === null ? {} : parseMetadata(metadata),
      tags: tags === null ? [] : parseTags(tags),
      recordedAt,
    };
  } catch (cause) {
    throw new StoreCorruptError(
      `the event at position ${position} (stream ${JSON.stringify(streamId)}, version ${version}) is not JSON; was the file edited, or is it damaged?`,
      { cause },
    );
  }
}

// The store wrote these texts itself, from values of these types.
function parseData(text: string): JsonValue {
  return JSON.parse(text);
}

function parseMetadata(text: string): EventMetadata {
  return JSON.parse(text);
}

function parseTags(text: string): readonly string[] {
  return JSON.parse(text);
}
