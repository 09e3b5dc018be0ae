import { AppendTooLargeError } from "../errors/append-errors.ts";
import { ConfigurationError } from "../errors/configuration-error.ts";
import { InvalidEventError } from "../errors/event-errors.ts";
import { UnsupportedError } from "../errors/store-errors.ts";
import type { Capabilities } from "../store/capabilities.ts";
import type { Write } from "../store/event-store.ts";
import type { ExpectedVersion } from "../store/expected-version.ts";
import type { JsonValue } from "../store/json.ts";
import type { EventMetadata, NewEvent } from "../store/recorded-event.ts";
import { assertStreamId } from "../store/stream-id.ts";
import { textProblem } from "../store/text-limits.ts";
import { NotJsonError, toJson, toJsonObject } from "./to-json.ts";

/** A checked event that shares nothing with the caller's objects. */
export interface PreparedEvent {
  /** A UUID in lower case. */
  readonly id: string;
  /** Its stable name. */
  readonly type: string;
  /** Its payload. */
  readonly data: JsonValue;
  /** `{}` when none was given. */
  readonly metadata: EventMetadata;
  /** Each once. */
  readonly tags: readonly string[];
}

/** A checked write. */
export interface PreparedWrite {
  /** The stream to append to. */
  readonly streamId: string;
  /** What the writer believes about it. */
  readonly expected: ExpectedVersion;
  /** At least one. */
  readonly events: readonly PreparedEvent[];
}

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;
const EXPECTED_WORDS: readonly ExpectedVersion[] = ["any", "no-stream", "stream-exists"];

/**
 * Checks an append before anything is written and copies it, so that later changes by the caller have no effect.
 * Every store calls this first; so all stores refuse the same things with the same errors. Bytes are not counted here: only
 * the store knows its encoding, so it checks `maxBytesPerAppend` itself.
 *
 * @throws ConfigurationError, InvalidEventError, UnsupportedError, AppendTooLargeError
 */
export function prepareAppend(writes: Write | readonly Write[], capabilities: Capabilities): readonly PreparedWrite[] {
  const list = isList(writes) ? writes : [writes];
  if (list.length === 0) throw new ConfigurationError("the append has no writes; give it at least one");
  if (list.length > capabilities.atomicStreams) {
    throw new UnsupportedError(
      `the append spans ${list.length} streams, this store takes ${capabilities.atomicStreams} at once: ` +
        `${capabilities.gaps.atomicStreams ?? "its backend has no atomic append over streams"}`,
    );
  }
  const ids = new Set<string>();
  const streams = new Set<string>();
  let count = 0;
  const prepared = list.map((write) => {
    if (!isObject(write))
      throw new ConfigurationError("a write of the append is not an object with streamId, expected and events");
    assertStreamId(write.streamId);
    if (streams.has(write.streamId)) {
      throw new ConfigurationError(
        `stream ${JSON.stringify(write.streamId)} is written twice in one append; put its events into one write`,
      );
    }
    streams.add(write.streamId);
    assertExpectedVersion(write);
    if (!Array.isArray(write.events) || write.events.length === 0) {
      throw new ConfigurationError(
        `the write to stream ${JSON.stringify(write.streamId)} has no events; leave it out when there is nothing to store`,
      );
    }
    count += write.events.length;
    return {
      streamId: write.streamId,
      expected: write.expected,
      events: write.events.map((event) => prepareEvent(event, write.streamId, ids, capabilities)),
    };
  });
  if (count > capabilities.maxEventsPerAppend) {
    throw new AppendTooLargeError({ unit: "events", limit: capabilities.maxEventsPerAppend, actual: count });
  }
  return prepared;
}

function prepareEvent(event: NewEvent, streamId: string, ids: Set<string>, capabilities: Capabilities): PreparedEvent {
  if (!isObject(event))
    throw new InvalidEventError({ eventType: String(event), streamId }, "is not an object with type and data");
  const typeProblem = textProblem(event.type);
  const facts = { eventType: typeof event.type === "string" ? event.type : String(event.type), streamId };
  if (typeProblem !== undefined) throw new InvalidEventError(facts, `cannot be stored: its type ${typeProblem}`);
  const id = event.id ?? globalThis.crypto.randomUUID();
  if (!UUID.test(id)) {
    throw new InvalidEventError(facts, `has the id ${JSON.stringify(id)}, which is not a UUID in lower case`);
  }
  if (ids.has(id)) throw new InvalidEventError(facts, `has the id ${id} of another event of this append`);
  ids.add(id);
  try {
    return {
      id,
      type: event.type,
      data: toJson(event.data, "data"),
      metadata: event.metadata === undefined ? {} : toJsonObject(event.metadata, "metadata"),
      tags: event.tags === undefined ? [] : prepareTags(event.tags, facts, capabilities),
    };
  } catch (error) {
    if (error instanceof NotJsonError)
      throw new InvalidEventError(facts, `cannot be stored: ${error.message}`, { cause: error });
    throw error;
  }
}

function prepareTags(
  tags: readonly string[],
  facts: { readonly eventType: string; readonly streamId: string },
  capabilities: Capabilities,
): readonly string[] {
  if (tags.length > 0 && capabilities.conditions !== "query") {
    throw new UnsupportedError(
      `event ${JSON.stringify(facts.eventType)} carries tags, which this store does not keep: ` +
        `${capabilities.gaps.conditions ?? "it has no query conditions"}`,
    );
  }
  for (const tag of tags) {
    const problem = textProblem(tag);
    if (problem !== undefined)
      throw new InvalidEventError(facts, `cannot be stored: tag ${JSON.stringify(tag)} ${problem}`);
  }
  return [...new Set(tags)];
}

function assertExpectedVersion(write: Write): void {
  const { expected } = write;
  const isValid =
    typeof expected === "number" ? Number.isSafeInteger(expected) && expected >= 0 : EXPECTED_WORDS.includes(expected);
  if (!isValid) {
    throw new ConfigurationError(
      `stream ${JSON.stringify(write.streamId)}: expected version ${JSON.stringify(expected)} is not a whole number from 0, ` +
        `"any", "no-stream" or "stream-exists"`,
    );
  }
}

function isObject(value: unknown): boolean {
  return typeof value === "object" && value !== null;
}

function isList<T>(value: T | readonly T[]): value is readonly T[] {
  return Array.isArray(value);
}

/** Whether `actual`, the stream's current version, is what the writer expects. */
export function meetsExpectedVersion(expected: ExpectedVersion, actual: number): boolean {
  switch (expected) {
    case "any":
      return true;
    case "no-stream":
      return actual === 0;
    case "stream-exists":
      return actual > 0;
    default:
      return actual === expected;
  }
}

/**
 * The version before the place where the events of a retried append would stand, or `undefined` when the expectation names
 * no place.
 */
export function versionBefore(expected: ExpectedVersion): number | undefined {
  return expected === "no-stream" ? 0 : typeof expected === "number" ? expected : undefined;
}
