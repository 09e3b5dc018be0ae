import { retryDelayMs } from "./retry.ts";

/** How long one writer that always awaits may go on within one turn of the event loop. */
const SEQUENTIAL_MS = 1;

/** Decides when the writer has its next turn. */
export class Turns {
  readonly #turn: () => void;
  #isScheduled = false;
  /** Turns in a row that could not begin a transaction. */
  #failures = 0;
  /** Whether the last transaction was a single write, so that its writer is likely to be the only one. */
  #isSequential = false;
  /** When the last turn of the event loop began. */
  #turnedAt = 0;

  constructor(turn: () => void) {
    this.#turn = turn;
  }

  /** Whether the next turn is under way. */
  get isScheduled(): boolean {
    return this.#isScheduled;
  }

  /** The next turn comes soon. */
  schedule(): void {
    this.#isScheduled = true;
    // Going round the event loop costs a lone writer a tenth of its speed and can bring company only if there is any. With
    // company the next group has more than one, and from then on they meet in the same turn.
    if (this.#isSequential && performance.now() - this.#turnedAt < SEQUENTIAL_MS) queueMicrotask(this.#take);
    else setImmediate(this.#takeAnew);
  }

  /** The next turn comes after a pause, since this one found the database locked. */
  scheduleRetry(): void {
    this.#isScheduled = true;
    this.#failures += 1;
    setTimeout(this.#takeAnew, retryDelayMs(this.#failures));
  }

  /** This turn had a transaction: of a single write, or not. */
  began(isSequential: boolean): void {
    this.#failures = 0;
    this.#isSequential = isSequential;
  }

  readonly #take = (): void => {
    this.#isScheduled = false;
    this.#turn();
  };

  readonly #takeAnew = (): void => {
    this.#turnedAt = performance.now();
    this.#take();
  };
}
