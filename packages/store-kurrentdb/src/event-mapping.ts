import type { JsonValue, RecordedEvent } from "@es/core";
import { StoreFormatError } from "@es/core";
import type { PreparedEvent } from "@es/core/adapter";
import { fromServerMetadata, toServerMetadata } from "./event-metadata.ts";
import { jsonBytes } from "./json-bytes.ts";
import type { IncomingEvent, OutgoingEvent } from "./kurrent-client.ts";
import { fromServerType, type StoreNames, toServerType } from "./names.ts";
import { isKnown, toPosition } from "./positions.ts";

/** What the server gets for an event that was appended at this time. */
export function toOutgoing({ id, type, data, metadata }: PreparedEvent, recordedAt: string): OutgoingEvent {
  return {
    id,
    type: toServerType(type),
    contentType: "application/json",
    data: forClient(data),
    metadata: toServerMetadata(metadata, recordedAt),
  };
}

function forClient(data: JsonValue): OutgoingEvent["data"] {
  return isForClient(data) ? data : {};
}

// Every JSON is; the client's type for it knows of no numbers, booleans and null.
function isForClient(data: JsonValue): data is JsonValue & OutgoingEvent["data"] {
  return data !== undefined;
}

/** The bytes of an event as the server counts them against its limit for an append. */
export function sizeOf({ data, metadata, type }: OutgoingEvent): number {
  return jsonBytes(data) + jsonBytes(metadata) + 2 * type.length;
}

/** The event of the store, or `undefined` for one of the server's own, or of another store. */
export function toRecorded(event: IncomingEvent | undefined, names: StoreNames): RecordedEvent | undefined {
  if (event === undefined) return undefined;
  const streamId = names.streamId(event.streamId);
  const type = fromServerType(event.type);
  if (streamId === undefined || type === undefined) return undefined;
  if (event.position === undefined || !isKnown(event.position)) throw withoutPosition();
  const { metadata, recordedAt } = fromServerMetadata(event.metadata);
  return {
    id: event.id.toLowerCase(),
    streamId,
    version: versionOf(event.revision),
    position: toPosition(event.position),
    type,
    data: event.isJson ? toData(event.data) : toBinaryData(event.data),
    metadata,
    tags: [],
    // Whole seconds for all, since that is what most ways to read give.
    recordedAt: recordedAt ?? Math.floor(event.created.getTime() / 1_000) * 1_000,
  };
}

/** The version of the event with this revision: the server counts from 0. */
export function versionOf(revision: bigint): number {
  return Number(revision) + 1;
}

function toData(data: unknown): JsonValue {
  return isJson(data) ? data : null;
}

/** What is no JSON, which only other clients write. */
function toBinaryData(data: unknown): JsonValue {
  return { base64: data instanceof Uint8Array ? Buffer.from(data).toString("base64") : "" };
}

// The client has parsed it.
function isJson(data: unknown): data is JsonValue {
  return data !== undefined;
}

function withoutPosition(): StoreFormatError {
  return new StoreFormatError(
    "the server does not say where the events of a stream are in its log; KurrentDB (EventStoreDB) 23.10 or later is needed, upgrade the server",
  );
}
