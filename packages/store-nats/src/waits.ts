import { AbortedError } from "@es/core";
import type { CallLimit } from "./call-limit.ts";
import { RequestFailure } from "./request-failure.ts";

/** Something that is waited for on behalf of a call. */
export interface Wait {
  readonly call: CallLimit;
  /** Whether the loss of the connection ends it. */
  readonly needsConnection: boolean;
  /** What was asked, where the client does not match a refusal of the server with it. */
  readonly subject?: string;
}

/** How long to wait at most. */
export interface WaitLimit {
  readonly ms: number;
  readonly tooLate: () => Error;
}

/** What is waited for at the moment. Whatever ends a call ends its waits. */
export class Waits {
  readonly #waiting = new Set<{ readonly wait: Wait; readonly fail: (error: Error) => void }>();

  /** Waits for `work`, or until the wait is failed or its signal aborts. */
  race<Result>(work: Promise<Result>, wait: Wait): Promise<Result> {
    const { call, needsConnection } = wait;
    return new Promise((resolve, reject) => {
      const leave = (): void => {
        this.#waiting.delete(waiting);
        call.signal?.removeEventListener("abort", onAbort);
      };
      const fail = (error: Error): void => {
        if (error instanceof RequestFailure && !needsConnection) return;
        leave();
        reject(error);
      };
      const onAbort = (): void => fail(new AbortedError("the operation was aborted", { cause: call.signal?.reason }));
      const waiting = { wait, fail };
      this.#waiting.add(waiting);
      call.signal?.addEventListener("abort", onAbort, { once: true });
      work.then(
        (result) => {
          leave();
          resolve(result);
        },
        (error: unknown) => {
          leave();
          reject(error);
        },
      );
    });
  }

  /** As {@link race}, with a limit. */
  async within<Result>(work: Promise<Result>, wait: Wait, { ms, tooLate }: WaitLimit): Promise<Result> {
    const { promise, reject } = Promise.withResolvers<never>();
    const timer = setTimeout(() => reject(tooLate()), Math.max(ms, 0));
    try {
      return await this.race(Promise.race([work, promise]), wait);
    } finally {
      clearTimeout(timer);
    }
  }

  /** Ends all that `error` gives an error for. */
  failWhere(error: (wait: Wait) => Error | undefined): void {
    for (const { wait, fail } of this.#waiting) {
      const failure = error(wait);
      if (failure !== undefined) fail(failure);
    }
  }
}
