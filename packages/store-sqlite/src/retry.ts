import { delay } from "@es/core/adapter";
import { isLocked } from "./driver-error.ts";

/**
 * Milliseconds until the next try for a lock. SQLite's own busy handler would stop the event loop, and it backs off so far
 * that one process can starve; short random waits share the lock evenly.
 */
export function retryDelayMs(attempt: number): number {
  return Math.random() * Math.min(2 + attempt / 4, 8);
}

/** Runs `work` until it does not meet a lock, or until `deadline` (of `performance.now()`), when the lock's error is thrown. */
export async function retryWhileLocked<Result>(
  work: () => Result,
  deadline: number,
  signal?: AbortSignal,
): Promise<Result> {
  for (let attempt = 0; ; attempt += 1) {
    try {
      return work();
    } catch (error) {
      if (!isLocked(error) || performance.now() >= deadline) throw error;
    }
    await delay(retryDelayMs(attempt), signal);
  }
}

/** Lets other work of the process have its turn. */
export function nextTurn(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve);
  });
}
