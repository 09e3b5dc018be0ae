import type { ExpectedVersion } from "../store/expected-version.ts";

/** Whether `actual`, the stream's current version, is what the writer expects. */
export function meetsExpectedVersion(expected: ExpectedVersion, actual: number): boolean {
  switch (expected) {
    case "any":
      return true;
    case "no-stream":
      return actual === 0;
    case "stream-exists":
      return actual > 0;
    default:
      return actual === expected;
  }
}

/**
 * The version before the place where the events of a retried append would stand, or `undefined` when the expectation names
 * no place.
 */
export function versionBefore(expected: ExpectedVersion): number | undefined {
  return expected === "no-stream" ? 0 : typeof expected === "number" ? expected : undefined;
}
