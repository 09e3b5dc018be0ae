/**
 * Lets so many calls be under way at once; the others wait in line. Thousands at once would all be slow, and be given up and made
 * again for nothing.
 */
export class CallGate {
  readonly #most: number;
  readonly #line = new Set<() => void>();
  #inside = 0;

  constructor(most: number) {
    this.#most = most;
  }

  /** `turn` resolves when the call may begin; `leave` must be called in any case, also when it did not wait so long. */
  enter(): { readonly turn: Promise<void> | undefined; readonly leave: () => void } {
    if (this.#inside < this.#most) {
      this.#inside += 1;
      return { turn: undefined, leave: () => this.#leave() };
    }
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#line.add(resolve);
    const leave = (): void => {
      // Who is still in line has no place to pass on.
      if (!this.#line.delete(resolve)) this.#leave();
    };
    return { turn: promise, leave };
  }

  #leave(): void {
    const [next] = this.#line;
    if (next === undefined) {
      this.#inside -= 1;
      return;
    }
    this.#line.delete(next);
    next();
  }
}
