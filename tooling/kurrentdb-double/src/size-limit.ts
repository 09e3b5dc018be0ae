import type { NewEvent } from "./event-log.ts";

/** The largest that the server takes; without a number there is no limit. */
export interface SizeLimits {
  readonly eventBytes?: number;
  /** All events of one append together. */
  readonly appendBytes?: number;
}

/** Why an append is too large. */
export type Excess =
  | { readonly kind: "event"; readonly event: NewEvent; readonly size: number; readonly limit: number }
  | { readonly kind: "append"; readonly size: number; readonly limit: number };

/** Finds the first limit that is exceeded. */
export function findExcess(limits: SizeLimits, events: readonly NewEvent[]): Excess | undefined {
  const { eventBytes = Number.POSITIVE_INFINITY, appendBytes = Number.POSITIVE_INFINITY } = limits;
  let total = 0;
  for (const event of events) {
    const size = event.data.length + event.customMetadata.length + Buffer.byteLength(event.type);
    if (size > eventBytes) return { kind: "event", event, size, limit: eventBytes };
    total += size;
    if (total > appendBytes) return { kind: "append", size: total, limit: appendBytes };
  }
  return undefined;
}
