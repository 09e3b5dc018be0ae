import { setTimeout as sleep } from "node:timers/promises";

/** Options of a wait. */
export interface WaitOptions {
  readonly limitMs: number;
  /** Says what did not happen, when the limit is over. */
  readonly describe: () => string;
  readonly signal?: AbortSignal | undefined;
}

/** Waits for a promise, but not longer than the limit. */
export async function within<T>(promise: Promise<T>, { limitMs, describe, signal }: WaitOptions): Promise<T> {
  signal?.throwIfAborted();
  const timer = new AbortController();
  const stop = signal === undefined ? timer.signal : AbortSignal.any([timer.signal, signal]);
  const tooLate = sleep(limitMs, undefined, { signal: stop }).then(
    () => Promise.reject(new Error(`${describe()} (waited ${limitMs} ms)`)),
    () => {
      signal?.throwIfAborted();
      // The promise has won, nobody listens any more.
      return promise;
    },
  );
  try {
    return await Promise.race([promise, tooLate]);
  } finally {
    timer.abort();
  }
}

/** Asks again and again until the answer is yes, but not longer than the limit. */
export async function waitUntil(isTrue: () => Promise<boolean>, options: WaitOptions): Promise<void> {
  const { limitMs, describe, signal } = options;
  const end = performance.now() + limitMs;
  while (!(await isTrue())) {
    signal?.throwIfAborted();
    if (performance.now() > end) throw new Error(`${describe()} (waited ${limitMs} ms)`);
    await sleep(10);
  }
}
