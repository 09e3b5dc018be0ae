import type { Capabilities, Durability } from "@es/core";
import type { ServerFeatures } from "./features.ts";
import { MAX_EVENTS_PER_APPEND, MESSAGE_OVERHEAD } from "./limits.ts";
import { NO_TRANSACTIONS } from "./nats-registers.ts";
import type { StreamConfig } from "./stream-config.ts";

/** What the store can do on this server, with this stream. */
export function capabilitiesOf(features: ServerFeatures, stream: StreamConfig, maxPayload: number): Capabilities {
  const durability = durabilityOf(stream);
  const isAtomic = features.hasAtomicBatches && stream.allow_atomic === true;
  const maxMessage = (stream.max_msg_size ?? -1) > 0 ? Math.min(stream.max_msg_size ?? 0, maxPayload) : maxPayload;
  return {
    atomicStreams: isAtomic ? Number.POSITIVE_INFINITY : 1,
    maxEventsPerAppend: MAX_EVENTS_PER_APPEND,
    maxBytesPerAppend: bytesIn(maxMessage),
    transactions: false,
    conditions: "none",
    filter: "client",
    wakeUp: "push",
    durability: durability.level,
    shared: true,
    gaps: {
      ...(isAtomic ? {} : { atomicStreams: whyNotAtomic(features) }),
      maxEventsPerAppend: "the events of one append and one stream are one message",
      maxBytesPerAppend: `an append must fit into one message, of which this server takes ${maxMessage} bytes (max_payload)`,
      transactions: NO_TRANSACTIONS,
      conditions: "JetStream can check the newest message of a subject only, not whether matching events were stored",
      filter: "the server filters by category; types are filtered by this process",
      ...(durability.reason === undefined ? {} : { durability: durability.reason }),
    },
  };
}

/** How many bytes of events or of a value fit into a message. */
export function bytesIn(maxMessage: number): number {
  return Math.max(maxMessage - MESSAGE_OVERHEAD, 1);
}

function whyNotAtomic({ hasAtomicBatches, version }: ServerFeatures): string {
  return hasAtomicBatches
    ? "the JetStream stream does not allow atomic batches; set allow_atomic with nats stream edit, and open the store again"
    : `nats-server ${version} cannot store several messages all or nothing, which needs 2.12`;
}

function durabilityOf(stream: StreamConfig): { readonly level: Durability; readonly reason?: string } {
  if (stream.num_replicas > 1) return { level: "replicated" };
  if (stream.storage === "memory") return { level: "none", reason: "the stream is in the memory of one server" };
  return {
    level: "buffered",
    reason:
      "nats-server acknowledges before it syncs its files, by default every 2 minutes (sync_interval, which a client cannot ask for); a power failure of its machine may lose the last appends",
  };
}
