const MAX_STREAMS = 10_000;

/** The end of a stream, as it was seen last. */
export interface StreamEnd {
  /** Sequence of its newest commit; 0 when there is none. */
  readonly sequence: number;
  /** Number of its events. */
  readonly version: number;
}

/** The end of a stream that does not exist. */
export const NO_STREAM: StreamEnd = { sequence: 0, version: 0 };

/**
 * The ends of recently used streams. What is in here may be out of date, and that is harmless: an append states the sequence
 * that it builds on, and the server refuses it when another commit has come since.
 */
export class KnownStreams {
  #recent = new Map<string, StreamEnd>();
  #older = new Map<string, StreamEnd>();

  get(streamId: string): StreamEnd | undefined {
    return this.#recent.get(streamId) ?? this.#older.get(streamId);
  }

  /** Streams only grow, so the higher sequence is the newer one. */
  learn(streamId: string, end: StreamEnd): void {
    if (end.sequence < (this.get(streamId)?.sequence ?? 0)) return;
    this.#recent.set(streamId, end);
    if (this.#recent.size < MAX_STREAMS) return;
    // Dropping the older half at once costs less than keeping the order of use.
    this.#older = this.#recent;
    this.#recent = new Map();
  }

  /** Forgets all of them. */
  clear(): void {
    this.#recent = new Map();
    this.#older = new Map();
  }

  forget(streamId: string): void {
    this.#recent.delete(streamId);
    this.#older.delete(streamId);
  }
}
