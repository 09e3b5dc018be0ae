import { AppendTooLargeError } from "../errors/append-errors.ts";
import { ConfigurationError } from "../errors/configuration-error.ts";
import { InvalidEventError } from "../errors/event-errors.ts";
import { UnsupportedError } from "../errors/store-errors.ts";
import type { Capabilities } from "../store/capabilities.ts";
import type { Write } from "../store/event-store.ts";
import type { ExpectedVersion } from "../store/expected-version.ts";
import type { JsonValue } from "../store/json.ts";
import { eventIdProblem } from "../store/event-id.ts";
import type { EventMetadata, NewEvent } from "../store/recorded-event.ts";
import { assertStreamId } from "../store/stream-id.ts";
import { textProblem } from "../store/text-limits.ts";
import { toJsonObjectText, toJsonText } from "./json-text.ts";
import { NotJsonError } from "./not-json.ts";
import { toJson, toJsonObject } from "./to-json.ts";

/** A checked event that shares nothing with the caller's objects. */
export interface PreparedEvent<Data = JsonValue, Metadata = EventMetadata> {
  /** A UUID in lower case. */
  readonly id: string;
  /** Its stable name. */
  readonly type: string;
  /** Its payload. */
  readonly data: Data;
  /** Its metadata; empty when none was given. */
  readonly metadata: Metadata;
  /** Each once. */
  readonly tags: readonly string[];
}

/** A checked event in the form of text: data and metadata are JSON, and metadata is `null` when it is empty. */
export interface PreparedTextEvent extends PreparedEvent<string, string | null> {}

/** A checked write. */
export interface PreparedWrite<Event = PreparedEvent> {
  /** The stream to append to. */
  readonly streamId: string;
  /** What the writer believes about it. */
  readonly expected: ExpectedVersion;
  /** At least one. */
  readonly events: readonly Event[];
}

/** How a store wants data and metadata. */
interface PayloadForm<Data, Metadata> {
  readonly data: (value: unknown, path: string) => Data;
  readonly metadata: (value: unknown, path: string) => Metadata;
}

const AS_JSON: PayloadForm<JsonValue, EventMetadata> = {
  data: toJson,
  metadata: (value, path) => (value === undefined ? {} : toJsonObject(value, path)),
};

const AS_TEXT: PayloadForm<string, string | null> = {
  data: toJsonText,
  metadata(value, path) {
    const text = value === undefined ? "{}" : toJsonObjectText(value, path);
    return text === "{}" ? null : text;
  },
};

interface EventChecks<Data, Metadata> {
  /** Those of the append so far, where it has more than one event. */
  readonly ids: Set<string> | undefined;
  readonly capabilities: Capabilities;
  readonly form: PayloadForm<Data, Metadata>;
}

const EXPECTED_WORDS: readonly ExpectedVersion[] = ["any", "no-stream", "stream-exists"];

/**
 * Checks an append before anything is written and copies it, so that later changes by the caller have no effect.
 * Every store calls this first; so all stores refuse the same things with the same errors. Bytes are not counted here: only
 * the store knows its encoding, so it checks `maxBytesPerAppend` itself.
 *
 * @throws ConfigurationError, InvalidEventError, UnsupportedError, AppendTooLargeError
 */
export function prepareAppend(writes: Write | readonly Write[], capabilities: Capabilities): readonly PreparedWrite[] {
  return prepare(writes, capabilities, AS_JSON);
}

/**
 * {@link prepareAppend} for a store that keeps JSON as text: the text is the copy.
 *
 * @throws ConfigurationError, InvalidEventError, UnsupportedError, AppendTooLargeError
 */
export function prepareTextAppend(
  writes: Write | readonly Write[],
  capabilities: Capabilities,
): readonly PreparedWrite<PreparedTextEvent>[] {
  return prepare(writes, capabilities, AS_TEXT);
}

function prepare<Data, Metadata>(
  writes: Write | readonly Write[],
  capabilities: Capabilities,
  form: PayloadForm<Data, Metadata>,
): readonly PreparedWrite<PreparedEvent<Data, Metadata>>[] {
  const list = isList(writes) ? writes : [writes];
  if (list.length === 0) throw new ConfigurationError("the append has no writes; give it at least one");
  if (list.length > capabilities.atomicStreams) {
    throw new UnsupportedError(
      `the append spans ${list.length} streams, this store takes ${capabilities.atomicStreams} at once: ` +
        `${capabilities.gaps.atomicStreams ?? "its backend has no atomic append over streams"}`,
    );
  }
  // A set costs more than all other checks of an append of one event, and that one cannot repeat anything.
  const streams = list.length > 1 ? new Set<string>() : undefined;
  const ids = list.length > 1 || (list[0]?.events?.length ?? 0) > 1 ? new Set<string>() : undefined;
  const checks = { ids, capabilities, form };
  let count = 0;
  const prepared = list.map((write) => {
    if (!isObject(write))
      throw new ConfigurationError("a write of the append is not an object with streamId, expected and events");
    assertStreamId(write.streamId);
    if (streams?.has(write.streamId)) {
      throw new ConfigurationError(
        `stream ${JSON.stringify(write.streamId)} is written twice in one append; put its events into one write`,
      );
    }
    streams?.add(write.streamId);
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
      events: write.events.map((event) => prepareEvent(event, write.streamId, checks)),
    };
  });
  if (count > capabilities.maxEventsPerAppend) {
    throw new AppendTooLargeError({ unit: "events", limit: capabilities.maxEventsPerAppend, actual: count });
  }
  return prepared;
}

function prepareEvent<Data, Metadata>(
  event: NewEvent,
  streamId: string,
  { ids, capabilities, form }: EventChecks<Data, Metadata>,
): PreparedEvent<Data, Metadata> {
  if (!isObject(event))
    throw new InvalidEventError({ eventType: String(event), streamId }, "is not an object with type and data");
  const typeProblem = textProblem(event.type);
  const facts = { eventType: typeof event.type === "string" ? event.type : String(event.type), streamId };
  if (typeProblem !== undefined) throw new InvalidEventError(facts, `cannot be stored: its type ${typeProblem}`);
  const id = event.id ?? globalThis.crypto.randomUUID();
  const idProblem = eventIdProblem(id);
  if (idProblem !== undefined) throw new InvalidEventError(facts, idProblem);
  if (ids?.has(id)) throw new InvalidEventError(facts, `has the id ${id} of another event of this append`);
  ids?.add(id);
  try {
    return {
      id,
      type: event.type,
      data: form.data(event.data, "data"),
      metadata: form.metadata(event.metadata, "metadata"),
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
