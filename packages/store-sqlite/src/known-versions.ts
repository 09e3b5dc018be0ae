const MAX_STREAMS = 10_000;

/**
 * The highest version of each recently used stream that is known to be committed. Streams only grow, so what is in here
 * stays true as a lower bound; that spares a lone append the look at its stream.
 */
export class KnownVersions {
  #recent = new Map<string, number>();
  #older = new Map<string, number>();

  get(streamId: string): number | undefined {
    return this.#recent.get(streamId) ?? this.#older.get(streamId);
  }

  set(streamId: string, version: number): void {
    this.#recent.set(streamId, version);
    if (this.#recent.size < MAX_STREAMS) return;
    // Dropping the older half at once costs less than keeping the order of use.
    this.#older = this.#recent;
    this.#recent = new Map();
  }
}
