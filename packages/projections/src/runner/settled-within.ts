import type { Clock } from "./clock.ts";

/**
 * Waits for a promise, whatever becomes of it, for a time.
 *
 * @returns whether it was settled by then
 * @throws AbortedError when the signal aborts first
 */
export async function settledWithin(
  work: Promise<unknown>,
  timeoutMs: number,
  { clock, signal }: { readonly clock: Clock; readonly signal?: AbortSignal | undefined },
): Promise<boolean> {
  const limit = new AbortController();
  const expiry = clock
    .delay(timeoutMs, signal === undefined ? limit.signal : AbortSignal.any([limit.signal, signal]))
    .then(
      () => false,
      (error: unknown) => {
        if (signal?.aborted) throw error;
        return true;
      },
    );
  expiry.catch(() => undefined);
  const settled = work.then(
    () => true,
    () => true,
  );
  try {
    return await Promise.race([settled, expiry]);
  } finally {
    limit.abort();
  }
}
