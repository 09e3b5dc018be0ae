/** An append that has its place in the queue of each of its streams. */
class Turn {
  #over: PromiseWithResolvers<void> | undefined;

  /** Resolves once the turn is over. Most turns nobody waits for. */
  get over(): Promise<void> {
    this.#over ??= Promise.withResolvers<void>();
    return this.#over.promise;
  }

  end(): void {
    this.#over?.resolve();
  }
}

/**
 * Lets the appends of this process to one stream take turns: two that build on the same end of a stream would only make the
 * server refuse one of them. Appends to different streams do not wait for each other.
 */
export class StreamTurns {
  /** The last one in the queue of each stream. */
  readonly #tails = new Map<string, Turn>();

  /**
   * Queues for all of the streams at once, which is why two appends can never wait for each other. `turn` resolves when it is
   * their turn; `leave` must be called in any case, also when nobody waits any more.
   */
  queue(streamIds: readonly string[]): { readonly turn: Promise<unknown> | undefined; readonly leave: () => void } {
    const own = new Turn();
    const before: Promise<void>[] = [];
    for (const streamId of streamIds) {
      const tail = this.#tails.get(streamId);
      if (tail !== undefined) before.push(tail.over);
      this.#tails.set(streamId, own);
    }
    const end = (): void => {
      own.end();
      for (const streamId of streamIds) {
        if (this.#tails.get(streamId) === own) this.#tails.delete(streamId);
      }
    };
    if (before.length === 0) return { turn: undefined, leave: end };
    const turn = Promise.all(before);
    // Who gives up waiting must not let the next one pass those in front.
    return { turn, leave: () => void turn.then(end) };
  }
}
