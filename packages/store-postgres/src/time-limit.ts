import { AbortedError } from "@es/core";

/** Milliseconds since some time in the past, which never go back. */
export function now(): number {
  return performance.now();
}

/**
 * What `work` resolves to, unless the signal aborts first. The work itself goes on then.
 * @throws AbortedError
 */
export async function unlessAborted<Result>(work: Promise<Result>, signal: AbortSignal | undefined): Promise<Result> {
  return signal === undefined ? work : firstOf(work, { signal });
}

/**
 * What `work` resolves to, unless `deadline` passes or the signal aborts first. The work itself goes on then, and what it does
 * later is not reported to anyone.
 *
 * @param late - makes the error for a deadline that has passed
 * @throws AbortedError
 */
export async function withinLimit<Result>(
  work: Promise<Result>,
  limits: { readonly deadline: number; readonly signal?: AbortSignal | undefined; readonly late: () => Error },
): Promise<Result> {
  return firstOf(work, limits);
}

interface Limits {
  readonly signal?: AbortSignal | undefined;
  readonly deadline?: number;
  readonly late?: () => Error;
}

/** One promise and no race of several: this is under every statement. */
function firstOf<Result>(work: Promise<Result>, { signal, deadline, late }: Limits): Promise<Result> {
  const { promise, resolve, reject } = Promise.withResolvers<Result>();
  const onAbort = (): void => end(new AbortedError("the operation was aborted", { cause: signal?.reason }));
  const timer = deadline === undefined ? undefined : setTimeout(() => end(late?.()), Math.max(0, deadline - now()));
  signal?.addEventListener("abort", onAbort, { once: true });

  function stop(): void {
    clearTimeout(timer);
    signal?.removeEventListener("abort", onAbort);
  }
  function end(error: unknown): void {
    stop();
    reject(error);
  }

  if (signal?.aborted === true) onAbort();
  work.then((result) => {
    stop();
    resolve(result);
  }, end);
  return promise;
}
