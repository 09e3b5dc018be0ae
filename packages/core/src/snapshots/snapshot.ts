import type { JsonValue } from "../store/json.ts";

/** A state at a version, and what is needed to know whether it may be used. */
export interface Snapshot {
  /** Name of the kind of aggregate. */
  readonly aggregate: string;
  readonly version: number;
  /** Id of the event at `version`: a snapshot of another history is noticed by it. */
  readonly eventId: string;
  readonly stateVersion: number;
  /** Version of the state's schema. */
  readonly schemaVersion: number;
  /** Milliseconds since 1970 UTC. */
  readonly takenAt: number;
  readonly state: JsonValue;
}

/** Format of the register value. A newer one is ignored, as any snapshot that cannot be read. */
const FORMAT = 1;

/** The snapshot as a register value. */
export function serializeSnapshot(snapshot: Snapshot): string {
  return JSON.stringify({ format: FORMAT, ...snapshot });
}

/** The snapshot in a register value, or `undefined` when it is not one of this format. */
export function parseSnapshot(text: string): Snapshot | undefined {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined;
  }
  return isSnapshot(value) && value.format === FORMAT ? value : undefined;
}

function isSnapshot(value: unknown): value is Snapshot & { readonly format: number } {
  if (typeof value !== "object" || value === null) return false;
  return (
    "format" in value &&
    typeof value.format === "number" &&
    "aggregate" in value &&
    typeof value.aggregate === "string" &&
    "version" in value &&
    Number.isSafeInteger(value.version) &&
    "eventId" in value &&
    typeof value.eventId === "string" &&
    "stateVersion" in value &&
    typeof value.stateVersion === "number" &&
    "schemaVersion" in value &&
    typeof value.schemaVersion === "number" &&
    "takenAt" in value &&
    typeof value.takenAt === "number" &&
    "state" in value
  );
}
