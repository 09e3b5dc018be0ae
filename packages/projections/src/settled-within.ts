import type { Clock } from "./clock.ts";

/** Waits for a promise, whatever becomes of it, for a time. @returns whether it was settled by then */
export async function settledWithin(work: Promise<unknown>, timeoutMs: number, clock: Clock): Promise<boolean> {
  const limit = new AbortController();
  const expiry = clock.delay(timeoutMs, limit.signal).then(
    () => false,
    () => true,
  );
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
