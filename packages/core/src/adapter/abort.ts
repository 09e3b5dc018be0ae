import { AbortedError } from "../errors/store-errors.ts";

/**
 * Ends a call whose signal has aborted.
 * @throws AbortedError when the signal has aborted
 */
export function throwIfAborted(signal: AbortSignal | undefined): void {
  if (signal?.aborted) throw new AbortedError("the operation was aborted", { cause: signal.reason });
}

/**
 * Waits for a time, or for the signal.
 * @throws AbortedError when the signal aborts first
 */
export async function delay(ms: number, signal?: AbortSignal): Promise<void> {
  throwIfAborted(signal);
  await new Promise<void>((resolve, reject) => {
    const onAbort = (): void => {
      clearTimeout(timer);
      reject(new AbortedError("the operation was aborted", { cause: signal?.reason }));
    };
    const timer = setTimeout(() => {
      signal?.removeEventListener("abort", onAbort);
      resolve();
    }, ms);
    signal?.addEventListener("abort", onAbort, { once: true });
  });
}
