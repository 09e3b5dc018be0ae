import { ConfigurationError, isEventSourcingError } from "@es/core";

/** How often something that failed is tried again, and after how long. */
export interface RetryOptions {
  /** Attempts in all, the first one included. */
  readonly maxAttempts?: number;
  /** Longest wait before the second attempt. It doubles with each further one. */
  readonly firstDelayMs?: number;
  /** Longest wait there is. */
  readonly maxDelayMs?: number;
}

/** {@link RetryOptions} with their defaults. */
export type RetrySettings = Required<RetryOptions>;

/** Handlers: three more attempts within about a second. */
export const HANDLER_RETRY: RetrySettings = { maxAttempts: 4, firstDelayMs: 100, maxDelayMs: 5_000 };

/** The store and the sink: about ten minutes of an outage. */
export const STORE_RETRY: RetrySettings = { maxAttempts: 40, firstDelayMs: 100, maxDelayMs: 20_000 };

/** @throws ConfigurationError naming the wrong number */
export function retrySettings(name: string, options: RetryOptions | undefined, defaults: RetrySettings): RetrySettings {
  const {
    maxAttempts = defaults.maxAttempts,
    firstDelayMs = defaults.firstDelayMs,
    maxDelayMs = defaults.maxDelayMs,
  } = options ?? {};
  const settings = { maxAttempts, firstDelayMs, maxDelayMs };
  for (const [member, least] of [
    ["maxAttempts", 1],
    ["firstDelayMs", 0],
    ["maxDelayMs", 0],
  ] as const) {
    const value = settings[member];
    if (typeof value !== "number" || !(value >= least)) {
      throw new ConfigurationError(`${name}.${member} is ${String(value)}; it must be a number from ${least}`);
    }
  }
  return settings;
}

/** How long to wait after so many failed attempts: between half and all of a bound that doubles each time. */
export function backOffMs(settings: RetrySettings, failures: number, random: () => number): number {
  const bound = Math.min(settings.maxDelayMs, settings.firstDelayMs * 2 ** Math.min(failures - 1, 30));
  return Math.round(bound * (0.5 + random() / 2));
}

/** Whether the toolkit says that the very same call may succeed later. */
export function isTransient(error: unknown): boolean {
  try {
    return isEventSourcingError(error) && error.retryable;
  } catch {
    // It was thrown by somebody else, and cannot even be looked at.
    return false;
  }
}
