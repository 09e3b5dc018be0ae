import { AppendTooLargeError } from "../errors/append-errors.ts";
import type { AppendCondition } from "../store/event-query.ts";
import type { Capabilities } from "../store/capabilities.ts";
import type { EventQuery } from "../store/event-query.ts";
import type { Write } from "../store/event-store.ts";
import { queriesOf } from "./event-filter.ts";
import { parsePosition } from "./numeric-position.ts";
import { type PreparedTextEvent, type PreparedWrite, prepareTextAppend } from "./prepare-append.ts";

const utf8 = new TextEncoder();

/** A write whose events are ready to be stored as text. */
export type EncodedWrite = PreparedWrite<PreparedTextEvent>;

/** A checked condition. */
export interface EncodedCondition {
  /** As the caller gave it. */
  readonly source: AppendCondition;
  /** The events that must not be there match one of these. */
  readonly queries: readonly EventQuery[];
  /** Behind this position. */
  readonly after: number;
}

/** An append that is checked and ready to be stored in a store whose positions are numbers. */
export interface EncodedAppend {
  /** One for each stream. */
  readonly writes: readonly EncodedWrite[];
  /** `undefined` when there is none. */
  readonly condition: EncodedCondition | undefined;
  /** Number of events. */
  readonly events: number;
  /** Size of the payloads, exact where it matters and never less than a third of it. */
  readonly bytes: number;
}

/**
 * Checks an append and turns it into texts, outside of any transaction, for a store that keeps JSON as text.
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
  const bytes = units * 3 > limit ? sizeOf(encoded, (text) => utf8.encode(text).length) : units;
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
