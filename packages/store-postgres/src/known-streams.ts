import { versionBefore } from "@es/core/adapter";
import type { EncodedAppend } from "./encoded-append.ts";

const MAX_STREAMS = 10_000;

interface KnownStream {
  readonly version: number;
  /** The last append of this process: the version before it, and the id of its first event. */
  readonly last: { readonly before: number; readonly id: string } | undefined;
}

/** An append that cannot be stored, as far as is known. */
export interface StaleAppend {
  /** Which of its writes comes too late. */
  readonly write: EncodedAppend["writes"][number];
  /** The version that its stream has reached. */
  readonly actual: number;
  /** Whether another event stands at its place, so that it cannot be the repetition of one that was stored either. */
  readonly isCertain: boolean;
}

/**
 * The highest version of each recently used stream that is known to be committed. Streams only grow, so an append that expects
 * less need not take a place in a statement: a hot stream would otherwise fill one after the other with appends that cannot
 * succeed. When a connection is lost everything is forgotten, because the server that comes back may be an older copy.
 */
export class KnownStreams {
  #recent = new Map<string, KnownStream>();
  #older = new Map<string, KnownStream>();

  versionOf(streamId: string): number {
    return this.#get(streamId)?.version ?? 0;
  }

  /** Something at this version was read. */
  hasReached(streamId: string, version: number): void {
    if (version > this.versionOf(streamId)) this.#set(streamId, { version, last: this.#get(streamId)?.last });
  }

  /** The append was stored with these versions. */
  stored({ writes }: EncodedAppend, versions: readonly number[]): void {
    for (const [index, { streamId, events }] of writes.entries()) {
      const version = versions[index] ?? 0;
      const [first] = events;
      if (first === undefined || version <= this.versionOf(streamId)) continue;
      this.#set(streamId, { version, last: { before: version - events.length, id: first.id } });
    }
  }

  /** Whether the append comes too late. Only an expectation that names a place can. */
  staleness({ writes }: EncodedAppend): StaleAppend | undefined {
    for (const write of writes) {
      const place = versionBefore(write.expected);
      const known = this.#get(write.streamId);
      if (place === undefined || known === undefined || known.version <= place) continue;
      // Of several writes the first that fails is reported, and another one may come before this.
      const isAlone = writes.length === 1;
      const isCertain = isAlone && known.last?.before === place && known.last.id !== write.events[0]?.id;
      return { write, actual: known.version, isCertain };
    }
    return undefined;
  }

  /** What was known may be wrong. */
  forget(): void {
    this.#recent = new Map();
    this.#older = new Map();
  }

  #get(streamId: string): KnownStream | undefined {
    return this.#recent.get(streamId) ?? this.#older.get(streamId);
  }

  #set(streamId: string, known: KnownStream): void {
    this.#recent.set(streamId, known);
    if (this.#recent.size < MAX_STREAMS) return;
    // Dropping the older half at once costs less than keeping the order of use.
    this.#older = this.#recent;
    this.#recent = new Map();
  }
}
