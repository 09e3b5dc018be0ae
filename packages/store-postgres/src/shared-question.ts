/**
 * A question that many may ask at once. Who asks while an answer is awaited gets the answer to the next question, which is put
 * when that one is there: the answer is never older than the asking, and no more than one question is under way at a time.
 */
export class SharedQuestion<Answer> {
  readonly #put: () => Promise<Answer>;
  #current: Promise<Answer> | undefined;
  #next: Promise<Answer> | undefined;

  constructor(put: () => Promise<Answer>) {
    this.#put = put;
  }

  /** Whether nobody waits for an answer. */
  get isIdle(): boolean {
    return this.#current === undefined;
  }

  /** Asks, not earlier than now. */
  async ask(): Promise<Answer> {
    if (this.#next !== undefined) return this.#next;
    if (this.#current === undefined) return this.#start();
    const start = (): Promise<Answer> => this.#start();
    this.#next = this.#current.then(start, start);
    return this.#next;
  }

  #start(): Promise<Answer> {
    this.#next = undefined;
    this.#current = this.#put().finally(() => {
      this.#current = undefined;
    });
    return this.#current;
  }
}
