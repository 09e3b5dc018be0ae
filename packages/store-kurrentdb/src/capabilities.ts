import type { Capabilities } from "@es/core";
import { NO_TRANSACTIONS } from "./kurrentdb-registers.ts";
import { MAX_EVENTS_PER_APPEND } from "./limits.ts";
import type { ServerFeatures } from "./server-features.ts";

/** What the store can do on this server. */
export function capabilitiesOf(features: ServerFeatures, maxAppendBytes: number): Capabilities {
  return {
    atomicStreams: features.hasMultiStreamAppend ? Number.POSITIVE_INFINITY : 1,
    maxEventsPerAppend: MAX_EVENTS_PER_APPEND,
    maxBytesPerAppend: maxAppendBytes,
    transactions: false,
    conditions: features.hasStreamChecks ? "stream" : "none",
    filter: "store",
    wakeUp: "push",
    durability: "fsync",
    shared: true,
    gaps: {
      ...(features.hasMultiStreamAppend
        ? {}
        : { atomicStreams: "this server appends to one stream at a time; several need KurrentDB 25.1" }),
      maxBytesPerAppend:
        "the server has a limit (MaxAppendSize), which a client cannot ask for; see option maxAppendBytes",
      transactions: NO_TRANSACTIONS,
      conditions: features.hasStreamChecks
        ? "KurrentDB can check the versions of other streams (ifStreams), not whether matching events were stored"
        : "this server checks the version of the written stream only; those of other streams need KurrentDB 26.1",
      durability:
        "a server that was started with MemDb or UnsafeDisableFlushToDisk keeps less, which a client cannot ask for",
    },
  };
}
