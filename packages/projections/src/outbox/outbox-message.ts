import { categoryOf, type JsonValue, type RecordedEvent } from "@es/core";

/** What a publisher sends for one event. */
export interface OutboxMessage {
  /** Id of the event. The same for every attempt, so that a broker or a receiver can drop a repetition. */
  readonly id: string;
  /** Where it goes: a topic, a subject, a queue. */
  readonly destination: string;
  /** The stream: messages with the same key are published in the order of their events. */
  readonly key: string;
  /** What happened, by its stored name. */
  readonly type: string;
  /** The payload: as stored, or in its present form when the outbox knows the family of events. */
  readonly data: JsonValue;
  /** Text beside the payload. See {@link RESERVED_HEADERS}. */
  readonly headers: Readonly<Record<string, string>>;
  /** The event itself. */
  readonly event: RecordedEvent;
}

/**
 * Headers that every message has, where the event has the fact: `tenant-id`, `correlation-id` and `causation-id` come from the
 * metadata members `tenantId`, `correlationId` and `causationId`. Headers of your own cannot overwrite or forge them.
 */
export const RESERVED_HEADERS = [
  "event-id",
  "event-type",
  "stream-id",
  "aggregate-type",
  "aggregate-id",
  "aggregate-version",
  "position",
  "recorded-at",
  "schema-version",
  "tenant-id",
  "correlation-id",
  "causation-id",
] as const;

/** The headers of an event, with those of the caller that do not have a reserved name, in whatever case. */
export function headersOf(
  event: RecordedEvent,
  own: Readonly<Record<string, string>>,
): Readonly<Record<string, string>> {
  const { id, type, streamId, version, position, recordedAt, metadata } = event;
  const category = categoryOf(streamId);
  const headers: Record<string, string> = {};
  for (const [name, value] of Object.entries(own)) {
    if (!RESERVED_HEADERS.some((reserved) => reserved === name.toLowerCase())) headers[name] = value;
  }
  const facts: Record<(typeof RESERVED_HEADERS)[number], unknown> = {
    "event-id": id,
    "event-type": type,
    "stream-id": streamId,
    "aggregate-type": category,
    "aggregate-id": streamId.slice(category.length + 1),
    "aggregate-version": String(version),
    position,
    "recorded-at": new Date(recordedAt).toISOString(),
    "schema-version": String(metadata.schemaVersion ?? 1),
    "tenant-id": metadata["tenantId"],
    "correlation-id": metadata.correlationId,
    "causation-id": metadata.causationId,
  };
  for (const [name, value] of Object.entries(facts)) if (typeof value === "string") headers[name] = value;
  return headers;
}
