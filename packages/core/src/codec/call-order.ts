import { AbortedError, CodecError } from "../errors/store-errors.ts";

/**
 * Keeps calls in the order in which they were made, although each has something to prepare first that takes its own time. They
 * prepare side by side; then each acts once those before it have begun to act, or have failed to prepare.
 */
export class CallOrder {
  readonly #timeoutMs: number;
  #last: Promise<void> = Promise.resolve();

  constructor(timeoutMs: number) {
    this.#timeoutMs = timeoutMs;
  }

  /**
   * `act` is called in turn; what it returns is not waited for by the next one.
   * @throws CodecError when preparing takes too long
   * @throws AbortedError when the signal aborts before `act` is called
   */
  async run<Prepared, Result>(
    preparing: Promise<Prepared>,
    signal: AbortSignal | undefined,
    act: (prepared: Prepared) => Promise<Result>,
  ): Promise<Result> {
    const earlier = this.#last;
    const { promise: begun, resolve: begin } = Promise.withResolvers<void>();
    this.#last = earlier.then(() => begun);
    try {
      const prepared = await this.#inTime(
        preparing.then(async (value) => {
          await earlier;
          return value;
        }),
        signal,
      );
      const acting = act(prepared);
      begin();
      return await acting;
    } finally {
      begin();
    }
  }

  async #inTime<Value>(waiting: Promise<Value>, signal: AbortSignal | undefined): Promise<Value> {
    const { promise: cut, reject } = Promise.withResolvers<never>();
    const onTime = (): void =>
      reject(
        new CodecError(
          `the codec did not encode the call, or one before it, in ${this.#timeoutMs} ms; nothing was stored`,
        ),
      );
    const onAbort = (): void =>
      reject(
        new AbortedError("the call was aborted while it was encoded; nothing was stored", { cause: signal?.reason }),
      );
    const timer = setTimeout(onTime, this.#timeoutMs);
    signal?.addEventListener("abort", onAbort, { once: true });
    if (signal?.aborted) onAbort();
    try {
      return await Promise.race([waiting, cut]);
    } finally {
      clearTimeout(timer);
      signal?.removeEventListener("abort", onAbort);
    }
  }
}
