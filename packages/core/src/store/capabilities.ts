/**
 * What an acknowledged append has survived. `"fsync"`: on stable storage of one machine. `"replicated"`: on several machines.
 * `"buffered"`: in the operating system's or the server's memory, so a power failure may lose it. `"none"`: gone with the process.
 */
export type Durability = "fsync" | "replicated" | "buffered" | "none";

/** What one store can do. Typed and honest: what is missing says why in `gaps`. */
export interface Capabilities {
  /** How many streams one append may span: 1 or `Infinity`. */
  readonly atomicStreams: number;
  /** Most events in one append. */
  readonly maxEventsPerAppend: number;
  /** Most bytes of JSON in one append. */
  readonly maxBytesPerAppend: number;
  /** Whether appends and registers can join the caller's own database transaction (`tx`). */
  readonly transactions: boolean;
  /** Which append conditions are enforced: queries over tags and types, states of other streams, or none. */
  readonly conditions: "query" | "stream" | "none";
  /** Where a `readAll` filter runs. */
  readonly filter: "store" | "client";
  /** How a live read learns of new events of other processes. */
  readonly wakeUp: "push" | "poll";
  /** What an acknowledged append has survived. Asked from the backend where it can be asked. */
  readonly durability: Durability;
  /** Whether several processes may open the same store. */
  readonly shared: boolean;
  /** Why a capability is missing or limited, one sentence each. Every missing one has an entry. */
  readonly gaps: CapabilityGaps;
}

/** Reasons for missing or limited capabilities. */
export type CapabilityGaps = Readonly<Partial<Record<Exclude<keyof Capabilities, "gaps">, string>>>;
