/** How long to wait for one's turn. */
interface Patience {
  readonly timeoutMs: number;
  /** Ends the wait too. */
  readonly signal?: AbortSignal | undefined;
  /** What to throw when the turn did not come in time. */
  readonly tooLate: () => Error;
}

/** Lets one piece of work run at a time, first come, first served. */
export class Mutex {
  #last: Promise<unknown> = Promise.resolve();
  #pending = 0;

  /** Runs `work` once everything that came before it has ended. */
  async run<Result>(work: () => Promise<Result>): Promise<Result> {
    this.#pending += 1;
    const turn = this.#last.then(work, work).finally(() => {
      this.#pending -= 1;
    });
    this.#last = turn.catch(() => undefined);
    return turn;
  }

  /** As {@link run}, unless what came before it does not end in time; then `work` is never run. */
  async runSoon<Result>(work: () => Promise<Result>, { timeoutMs, signal, tooLate }: Patience): Promise<Result> {
    if (this.#pending === 0) return this.run(work);
    if (signal?.aborted) throw tooLate();
    const begun = Promise.withResolvers<void>();
    const gone = new AbortController();
    const giveUp = (): void => {
      gone.abort();
      begun.reject(tooLate());
    };
    const timer = setTimeout(giveUp, timeoutMs);
    signal?.addEventListener("abort", giveUp, { once: true });
    const done = this.run(async () => {
      if (gone.signal.aborted) throw tooLate();
      begun.resolve();
      return work();
    });
    done.catch(() => undefined);
    try {
      await begun.promise;
    } finally {
      clearTimeout(timer);
      signal?.removeEventListener("abort", giveUp);
    }
    return done;
  }
}
