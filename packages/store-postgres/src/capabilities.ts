import type { Capabilities, Durability } from "@es/core";
import type { ServerFacts } from "./inspect-server.ts";
import { MAX_BYTES_PER_APPEND, MAX_EVENTS_PER_APPEND } from "./limits.ts";

/** What the store can do on this server. Durability is asked, not assumed. */
export function capabilitiesOf(
  server: ServerFacts,
  {
    hasTags,
    isListening,
    pollIntervalMs,
  }: { readonly hasTags: boolean; readonly isListening: boolean; readonly pollIntervalMs: number },
): Capabilities {
  const durability = durabilityOf(server);
  return {
    atomicStreams: Number.POSITIVE_INFINITY,
    maxEventsPerAppend: MAX_EVENTS_PER_APPEND,
    maxBytesPerAppend: MAX_BYTES_PER_APPEND,
    transactions: true,
    conditions: hasTags ? "query" : "none",
    filter: "store",
    wakeUp: isListening ? "push" : "poll",
    durability: durability.level,
    shared: true,
    gaps: {
      maxEventsPerAppend: "an append is one statement, which others wait for",
      maxBytesPerAppend: "an append is one statement, which others wait for",
      ...(hasTags
        ? {}
        : { conditions: "this store was made without tags; make it with tags: true, which costs an index and locks" }),
      ...(isListening
        ? {}
        : { wakeUp: `the store does not listen for notifications; it looks every ${pollIntervalMs} ms or more often` }),
      ...(durability.reason === undefined ? {} : { durability: durability.reason }),
    },
  };
}

function durabilityOf({ fsync, synchronousCommit, standbys }: ServerFacts): {
  readonly level: Durability;
  readonly reason?: string;
} {
  if (fsync !== "on")
    return { level: "buffered", reason: "the server runs with fsync off, so a power failure may destroy it" };
  if (synchronousCommit === "off") {
    return {
      level: "buffered",
      reason: "synchronous_commit is off, so a crash of the server may lose the last appends",
    };
  }
  // Without names of standbys, "on" waits for the local disk only.
  if (standbys !== "" && synchronousCommit !== "local") return { level: "replicated" };
  return { level: "fsync" };
}
