import { type EncodedAppend, versionBefore } from "@es/core/adapter";
import { now } from "./time-limit.ts";

const MAX_STREAMS = 10_000;

interface KnownStream {
  readonly version: number;
  /** The last append of this process: the version before it, the id of its first event, and when the server said so. */
  readonly last: { readonly before: number; readonly id: string; readonly at: number } | undefined;
}

/** An append that cannot be stored, as far as is known. */
export interface StaleAppend {
  /** Which of its writes comes too late. */
  readonly write: EncodedAppend["writes"][number];
  /** The version that its stream has reached. */
  readonly actual: number;
  /**
   * Whether it need not be looked up: another event was stored at its place while it was waiting. It cannot be the repetition of
   * one that was stored either.
   */
  readonly isCertain: boolean;
}

/**
 * The highest version of each recently used stream that is known to be committed. Streams only grow, so an append that expects
 * less need not take a place in a statement: a hot stream would otherwise fill one after the other with appends that cannot
 * succeed. When a connection is lost everything is forgotten, because the server that comes back may be an older copy.
 *
 * But somebody else may empty the table or restore a backup while all connections stay up. So an append is refused on the word of
 * this cache alone only when it was waiting already when the server said that another one had taken its place. Whatever was
 * learned before the append came is a reason to look, not to refuse.
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
    const at = now();
    for (const [index, { streamId, events }] of writes.entries()) {
      const version = versions[index] ?? 0;
      const [first] = events;
      if (first === undefined || version <= this.versionOf(streamId)) continue;
      this.#set(streamId, { version, last: { before: version - events.length, id: first.id, at } });
    }
  }

  /** Whether an append that came at `arrivedAt` is too late. Only one with an expectation that names a place can be. */
  staleness({ writes }: EncodedAppend, arrivedAt: number): StaleAppend | undefined {
    for (const write of writes) {
      const place = versionBefore(write.expected);
      const known = this.#get(write.streamId);
      if (place === undefined || known === undefined || known.version <= place) continue;
      // Of several writes the first that fails is reported, and another one may come before this.
      const isAlone = writes.length === 1;
      const { last } = known;
      const isTaken = last?.before === place && last.id !== write.events[0]?.id;
      const isCertain = isAlone && isTaken && last.at >= arrivedAt;
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
