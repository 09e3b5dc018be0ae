import { ConfigurationError } from "@es/core";

/** The time that a handler has its unit of work for. What it does later would be stored with something else, or not at all. */
export class Turn {
  readonly #manager: string;
  #running = 0;
  #isOver = false;

  constructor(manager: string) {
    this.#manager = manager;
  }

  /** Does something at once. @throws ConfigurationError when the turn is over */
  now<Result>(work: () => Result): Result {
    if (this.#isOver) throw this.#tooLate();
    return work();
  }

  /** Does something that takes a while. @throws ConfigurationError when the turn is over */
  async during<Result>(work: () => Promise<Result>): Promise<Result> {
    if (this.#isOver) throw this.#tooLate();
    this.#running += 1;
    try {
      return await work();
    } finally {
      this.#running -= 1;
    }
  }

  /** Ends it. @throws ConfigurationError when something is still being done */
  end(): void {
    this.#isOver = true;
    if (this.#running > 0) throw this.#tooLate();
  }

  #tooLate(): ConfigurationError {
    return new ConfigurationError(
      `a handler of process manager ${JSON.stringify(this.#manager)} ended before its calls of the unit of work did; await each of them`,
    );
  }
}
