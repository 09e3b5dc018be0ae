import type { JsonValue } from "./json.ts";
import type { Position } from "./position.ts";

/**
 * Facts about an event that are not part of what happened: who asked, what caused it, which version of the schema wrote it.
 * Any further JSON member may be added and comes back unchanged from every store.
 */
export interface EventMetadata {
  /** Shared by everything that happened because of one request. Copied from the causing event. */
  readonly correlationId?: string;
  /** Id of the command or event that led to this event. */
  readonly causationId?: string;
  /** Version of the event's schema that wrote `data`. Absent means 1. Written by the event family, read by its upcasters. */
  readonly schemaVersion?: number;
  /** Whatever else is to be known. */
  readonly [key: string]: JsonValue | undefined;
}

/** An event that is about to be appended. */
export interface NewEvent {
  /**
   * A UUID in lower case, never given to another event: it makes a retried append recognisable. Within one append a repeated
   * id is refused; over the whole store none is looked for, which would cost more than the append itself.
   * @defaultValue a random UUID, which makes a retry by the caller a new event
   */
  readonly id?: string;
  /** What happened, by its stable name. Non-empty, at most 255 UTF-8 bytes. */
  readonly type: string;
  /** The payload: plain JSON. A `Date`, a `bigint`, `NaN`, a class instance or a function is refused with its path. */
  readonly data: unknown;
  /**
   * Facts beside what happened.
   * @defaultValue `{}`
   */
  readonly metadata?: EventMetadata;
  /**
   * Labels for conditions and filters that span streams, such as `course:42`. Only where the store supports conditions.
   * @defaultValue none
   */
  readonly tags?: readonly string[];
}

/** An event as the store keeps it. A reader gets its own copy. */
export interface RecordedEvent {
  /** The UUID that it was appended with. */
  readonly id: string;
  /** The stream that it is in. */
  readonly streamId: string;
  /** Place in its stream. The first event has version 1. */
  readonly version: number;
  /** Place in the whole store. */
  readonly position: Position;
  /** What happened, by its stable name. */
  readonly type: string;
  /** The payload. */
  readonly data: JsonValue;
  /** Facts beside what happened; `{}` when none were given. */
  readonly metadata: EventMetadata;
  /** Its labels; empty when none were given. */
  readonly tags: readonly string[];
  /** When the store recorded it, in milliseconds since 1970 UTC. For people; order never follows from it. */
  readonly recordedAt: number;
}
