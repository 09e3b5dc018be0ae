/**
 * Keeps calls in the order in which they were made, although each has something to prepare first that takes its own time. They
 * prepare side by side; then each acts once those before it have begun to act, or have failed to prepare.
 */
export class CallOrder {
  #last: Promise<void> = Promise.resolve();

  /** `act` is called in turn; what it returns is not waited for by the next one. */
  async run<Prepared, Result>(
    preparing: Promise<Prepared>,
    act: (prepared: Prepared) => Promise<Result>,
  ): Promise<Result> {
    const earlier = this.#last;
    const { promise: begun, resolve: begin } = Promise.withResolvers<void>();
    this.#last = earlier.then(() => begun);
    try {
      const prepared = await preparing;
      await earlier;
      const acting = act(prepared);
      begin();
      return await acting;
    } finally {
      begin();
    }
  }
}
