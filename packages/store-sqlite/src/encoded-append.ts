import { type AppendCondition, AppendTooLargeError, type Capabilities, type EventQuery, type Write } from "@es/core";
import {
  type PreparedTextEvent,
  type PreparedWrite,
  parsePosition,
  prepareTextAppend,
  queriesOf,
} from "@es/core/adapter";

/** A write whose events are ready to be stored. */
export type EncodedWrite = PreparedWrite<PreparedTextEvent>;

/** A checked condition. */
export interface EncodedCondition {
  readonly source: AppendCondition;
  readonly queries: readonly EventQuery[];
  readonly after: number;
}

/** An append that is checked and ready to be stored. */
export interface EncodedAppend {
  readonly writes: readonly EncodedWrite[];
  readonly condition: EncodedCondition | undefined;
  readonly events: number;
  /** Size of the payloads, exact where it matters and never less than a third of it. */
  readonly bytes: number;
}

/**
 * Checks an append and turns it into rows, outside of any transaction.
 *
 * @throws ConfigurationError, InvalidEventError, InvalidPositionError, AppendTooLargeError
 */
export function encodeAppend(
  writes: Write | readonly Write[],
  condition: AppendCondition | undefined,
  capabilities: Capabilities,
): EncodedAppend {
  const encoded = prepareTextAppend(writes, capabilities);
  let events = 0;
  for (const write of encoded) events += write.events.length;
  const limit = capabilities.maxBytesPerAppend;
  // A UTF-16 unit takes at most three bytes, so the exact count is needed for few appends only.
  const units = sizeOf(encoded, (text) => text.length);
  const bytes = units * 3 > limit ? sizeOf(encoded, Buffer.byteLength) : units;
  if (bytes > limit) throw new AppendTooLargeError({ unit: "bytes", limit, actual: bytes });
  return { writes: encoded, condition: condition && encodeCondition(condition), events, bytes };
}

function sizeOf(writes: readonly EncodedWrite[], measure: (text: string) => number): number {
  let size = 0;
  for (const { events } of writes) {
    for (const { data, metadata } of events) size += measure(data) + measure(metadata ?? "{}");
  }
  return size;
}

function encodeCondition(source: AppendCondition): EncodedCondition {
  return { source, queries: queriesOf(source.none) ?? [], after: parsePosition(source.after) };
}
