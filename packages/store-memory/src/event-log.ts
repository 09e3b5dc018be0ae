import {
  type AppendResult,
  ConcurrencyError,
  ConditionFailedError,
  type EventMetadata,
  type JsonValue,
  type RecordedEvent,
} from "@es/core";
import {
  cloneJson,
  formatPosition,
  matchesQueries,
  meetsExpectedVersion,
  type PreparedEvent,
  type PreparedWrite,
  versionBefore,
} from "@es/core/adapter";
import type { PreparedCondition } from "./condition.ts";

/** An event as the log keeps it. Its position is kept as a number, because most appends never need the text. */
export interface LogEntry extends PreparedEvent {
  readonly streamId: string;
  readonly version: number;
  readonly sequence: number;
  readonly recordedAt: number;
}

const NO_ENTRIES: readonly LogEntry[] = [];
// Most events have neither; one object for all of them keeps the heap small. Nobody outside ever gets hold of it.
const NO_METADATA: EventMetadata = {};
const NO_TAGS: readonly string[] = [];

/** All events of one store: in one list over all streams, and in one list per stream. */
export class EventLog {
  readonly #all: LogEntry[] = [];
  readonly #streams = new Map<string, LogEntry[]>();

  /** How many events are stored; also the sequence of the newest one. */
  get length(): number {
    return this.#all.length;
  }

  /** The entry with sequence `index + 1`. */
  at(index: number): LogEntry | undefined {
    return this.#all[index];
  }

  /** The entries of one stream; the one of version n is at n - 1. */
  stream(streamId: string): readonly LogEntry[] {
    return this.#streams.get(streamId) ?? NO_ENTRIES;
  }

  /** Stores all writes or throws having stored none. Versions are checked before the condition. */
  append(
    writes: readonly PreparedWrite[],
    condition: PreparedCondition | undefined,
    clock: () => number,
  ): AppendResult {
    for (const write of writes) {
      const actual = this.stream(write.streamId).length;
      if (!meetsExpectedVersion(write.expected, actual)) {
        const earlier = this.#earlierResult(
          writes,
          (write) => versionBefore(write.expected) ?? (condition && this.#placeBehind(write, condition.after)),
        );
        if (earlier !== undefined) return earlier;
        throw new ConcurrencyError({ streamId: write.streamId, expected: write.expected, actual });
      }
    }
    if (condition !== undefined) {
      const match = this.#firstMatch(condition);
      if (match !== undefined) {
        const earlier = this.#earlierResult(writes, (write) => this.#placeBehind(write, condition.after));
        if (earlier !== undefined) return earlier;
        throw new ConditionFailedError({ condition: condition.source, position: formatPosition(match.sequence) });
      }
    }
    // The clock is the caller's code: when it throws, nothing may have been stored yet.
    return this.#store(writes, clock());
  }

  #store(writes: readonly PreparedWrite[], recordedAt: number): AppendResult {
    const versions: number[] = [];
    for (const { streamId, events } of writes) {
      let stream = this.#streams.get(streamId);
      if (stream === undefined) {
        stream = [];
        this.#streams.set(streamId, stream);
      }
      for (const event of events) {
        const entry: LogEntry = {
          id: event.id,
          type: event.type,
          data: event.data,
          metadata: isEmpty(event.metadata) ? NO_METADATA : event.metadata,
          tags: event.tags.length === 0 ? NO_TAGS : event.tags,
          streamId,
          version: stream.length + 1,
          sequence: this.#all.length + 1,
          recordedAt,
        };
        stream.push(entry);
        this.#all.push(entry);
      }
      versions.push(stream.length);
    }
    return { position: formatPosition(this.#all.length), versions, duplicate: false };
  }

  #firstMatch(condition: PreparedCondition): LogEntry | undefined {
    for (let index = condition.after; index < this.#all.length; index += 1) {
      const entry = this.#all[index];
      if (entry !== undefined && matchesQueries(entry, condition.queries)) return entry;
    }
    return undefined;
  }

  /** The version before the write's first event, when that was stored behind `after`. */
  #placeBehind({ streamId, events }: PreparedWrite, after: number): number | undefined {
    const first = events[0]?.id;
    const found = this.stream(streamId).findIndex((entry) => entry.sequence > after && entry.id === first);
    return found === -1 ? undefined : found;
  }

  /** The first result of this very append, when all its events stand at the places that `placeOf` names. */
  #earlierResult(
    writes: readonly PreparedWrite[],
    placeOf: (write: PreparedWrite) => number | undefined,
  ): AppendResult | undefined {
    const versions: number[] = [];
    let sequence = 0;
    for (const write of writes) {
      const before = placeOf(write);
      if (before === undefined) return undefined;
      const stream = this.stream(write.streamId);
      for (const [offset, event] of write.events.entries()) {
        const entry = stream[before + offset];
        if (entry === undefined || entry.id !== event.id) return undefined;
        sequence = Math.max(sequence, entry.sequence);
      }
      versions.push(before + write.events.length);
    }
    return { position: formatPosition(sequence), versions, duplicate: true };
  }
}

function isEmpty(metadata: EventMetadata): boolean {
  for (const _key in metadata) return false;
  return true;
}

function cloneMetadata(metadata: EventMetadata): EventMetadata {
  const nested: [string, JsonValue][] = [];
  for (const [key, member] of Object.entries(metadata)) {
    if (typeof member === "object") nested.push([key, cloneJson(member)]);
  }
  return { ...metadata, ...Object.fromEntries(nested) };
}

/** The reader's own copy. */
export function toRecordedEvent(entry: LogEntry): RecordedEvent {
  return {
    id: entry.id,
    streamId: entry.streamId,
    version: entry.version,
    position: formatPosition(entry.sequence),
    type: entry.type,
    data: cloneJson(entry.data),
    metadata: cloneMetadata(entry.metadata),
    tags: [...entry.tags],
    recordedAt: entry.recordedAt,
  };
}
