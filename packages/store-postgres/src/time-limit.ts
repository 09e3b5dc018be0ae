import { AbortedError } from "@es/core";
import { throwIfAborted } from "@es/core/adapter";

/** Milliseconds since some time in the past, which never go back. */
export function now(): number {
  return performance.now();
}

/**
 * What `work` resolves to, unless the signal aborts first. The work itself goes on then.
 * @throws AbortedError
 */
export async function unlessAborted<Result>(work: Promise<Result>, signal: AbortSignal | undefined): Promise<Result> {
  if (signal === undefined) return work;
  work.catch(() => undefined);
  throwIfAborted(signal);
  const { promise, reject } = Promise.withResolvers<never>();
  const onAbort = (): void => reject(new AbortedError("the operation was aborted", { cause: signal.reason }));
  signal.addEventListener("abort", onAbort, { once: true });
  try {
    return await Promise.race([work, promise]);
  } finally {
    signal.removeEventListener("abort", onAbort);
  }
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
  {
    deadline,
    signal,
    late,
  }: { readonly deadline: number; readonly signal?: AbortSignal | undefined; readonly late: () => Error },
): Promise<Result> {
  work.catch(() => undefined);
  const { promise, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(() => reject(late()), Math.max(0, deadline - now()));
  try {
    return await unlessAborted(Promise.race([work, promise]), signal);
  } finally {
    clearTimeout(timer);
  }
}
