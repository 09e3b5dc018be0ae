import type { EventLog, LoggedEvent } from "./event-log.ts";

/** The limits in the last `$metadata` event of a stream. */
export interface StreamLimits {
  readonly maxCount: bigint | undefined;
  readonly maxAgeSeconds: number | undefined;
  readonly truncateBefore: bigint;
}

/** What `$tb` is when a stream is deleted softly: truncated before everything that could ever be written. */
export const DELETED_BEFORE: bigint = 2n ** 63n - 1n;

/** The stream that holds the metadata of a stream. */
export function metastreamOf(streamName: string): string {
  return `$$${streamName}`;
}

/** The stream of which this one holds the metadata, undefined for other streams. */
export function originalOf(streamName: string): string | undefined {
  return streamName.startsWith("$$") ? streamName.slice(2) : undefined;
}

/** The limits that hold for a stream now. */
export function limitsOf(log: EventLog, streamName: string): StreamLimits {
  const metadata = metadataOf(log, streamName);
  return {
    maxCount: toBigInt(metadata["$maxCount"]),
    maxAgeSeconds: typeof metadata["$maxAge"] === "number" ? metadata["$maxAge"] : undefined,
    truncateBefore: toBigInt(metadata["$tb"]) ?? 0n,
  };
}

/** The metadata of a stream as it was written, an empty object without any. */
export function metadataOf(log: EventLog, streamName: string): Readonly<Record<string, unknown>> {
  // The metadata of a metadata stream is fixed: the server keeps the last event only, and it has no stream of its own.
  if (streamName.startsWith("$$")) return { $maxCount: 1 };
  const last = log.streamEvents(metastreamOf(streamName)).at(-1);
  if (last === undefined || last.data.length === 0) return {};
  return parseObject(last.data);
}

/** Whether a stream was deleted and not written again. A tombstone is something else. */
export function isSoftDeleted(log: EventLog, streamName: string): boolean {
  return limitsOf(log, streamName).truncateBefore >= DELETED_BEFORE;
}

/** The events of a stream that a reader may see now, oldest first. */
export function visibleEvents(log: EventLog, streamName: string, nowMs: number): readonly LoggedEvent[] {
  const { maxCount, maxAgeSeconds, truncateBefore } = limitsOf(log, streamName);
  const events = log.streamEvents(streamName);
  const firstByCount = maxCount === undefined ? 0n : BigInt(events.length) - maxCount;
  const first = firstByCount > truncateBefore ? firstByCount : truncateBefore;
  const oldestMs = maxAgeSeconds === undefined ? 0 : nowMs - maxAgeSeconds * 1_000;
  return events.filter((event) => event.revision >= first && event.createdMs >= oldestMs);
}

/** Where an event is, as far as the server can say: it reads the event for that, which may be hidden by now. */
export function readablePosition(log: EventLog, event: LoggedEvent, nowMs: number): bigint | undefined {
  if (isSoftDeleted(log, event.streamName)) return undefined;
  return visibleEvents(log, event.streamName, nowMs).includes(event) ? event.position : undefined;
}

function parseObject(data: Buffer): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(data.toString("utf8"));
    return typeof value === "object" && value !== null ? { ...value } : {};
  } catch {
    // As on a real server: metadata that is no JSON is no metadata.
    return {};
  }
}

function toBigInt(value: unknown): bigint | undefined {
  // 2^63-1 is rounded up by JSON, which compares as deleted all the same.
  return typeof value === "number" && Number.isInteger(value) ? BigInt(value) : undefined;
}
