import { ConfigurationError } from "@es/core";
import { shown } from "./member-rules.ts";

/** How much may be held back before the runner stops after all. */
export interface ParkLimits {
  /** Most streams. @defaultValue 100 */
  readonly maxStreams?: number;
  /** Most events. @defaultValue 10000 */
  readonly maxEvents?: number;
}

/**
 * What becomes of an event whose handler failed as often as it may. `"stop"`: the runner stops in front of it. `"skip"`: it is
 * reported and passed over for good. `"park"`: the event and all later ones of its stream are held back, in order, until they are
 * replayed or discarded; other streams go on.
 */
export type FailurePolicy = "stop" | "skip" | "park" | { readonly park: ParkLimits };

/** {@link FailurePolicy} with its defaults. */
export type FailureSettings =
  | { readonly kind: "stop" }
  | { readonly kind: "skip" }
  | ({ readonly kind: "park" } & Required<ParkLimits>);

const PARK_DEFAULTS = { maxStreams: 100, maxEvents: 10_000 };
/** All parked streams are in one register, which every page writes. */
const MOST_STREAMS = 1_000;

/** @throws ConfigurationError naming what is wrong */
export function failureSettings(policy: FailurePolicy = "stop"): FailureSettings {
  if (policy === "stop" || policy === "skip") return { kind: policy };
  if (
    policy !== "park" &&
    (typeof policy !== "object" || policy === null || typeof policy.park !== "object" || policy.park === null)
  ) {
    throw new ConfigurationError(
      `onFailure is ${shown(policy)}; it must be "stop", "skip", "park" or { park: { maxStreams, maxEvents } }`,
    );
  }
  const limits = { ...PARK_DEFAULTS, ...(policy === "park" ? {} : policy.park) };
  if (!Number.isSafeInteger(limits.maxStreams) || limits.maxStreams < 1 || limits.maxStreams > MOST_STREAMS) {
    throw new ConfigurationError(
      `onFailure.park.maxStreams is ${limits.maxStreams}; it must be a whole number from 1 to ${MOST_STREAMS}`,
    );
  }
  if (typeof limits.maxEvents !== "number" || !(limits.maxEvents >= 1)) {
    throw new ConfigurationError(`onFailure.park.maxEvents is ${String(limits.maxEvents)}; it must be a number from 1`);
  }
  return { kind: "park", ...limits };
}
