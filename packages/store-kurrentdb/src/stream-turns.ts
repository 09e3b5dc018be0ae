/**
 * Lets the appends of this process to one stream take turns: two that build on the same end of a stream would only make the
 * server refuse one of them. Appends to different streams do not wait for each other.
 */
export class StreamTurns {
  readonly #tails = new Map<string, Promise<unknown>>();

  /**
   * Queues for all of the streams at once, which is why two appends can never wait for each other. `turn` resolves when it is
   * their turn; `leave` must be called in any case, also when nobody waits any more.
   */
  queue(streamIds: readonly string[]): { readonly turn: Promise<unknown> | undefined; readonly leave: () => void } {
    const before = streamIds.flatMap((streamId) => this.#tails.get(streamId) ?? []);
    const turn = before.length === 0 ? undefined : Promise.all(before);
    const { promise, resolve } = Promise.withResolvers<void>();
    // Who gives up waiting must not let the next one pass those in front.
    const tail = turn === undefined ? promise : Promise.all([turn, promise]);
    for (const streamId of streamIds) this.#tails.set(streamId, tail);
    void tail.then(() => {
      for (const streamId of streamIds) {
        if (this.#tails.get(streamId) === tail) this.#tails.delete(streamId);
      }
    });
    return { turn, leave: resolve };
  }
}
