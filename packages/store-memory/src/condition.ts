import { type AppendCondition, type EventQuery, InvalidPositionError } from "@es/core";
import { parsePosition, queriesOf } from "@es/core/adapter";

/** A checked condition. */
export interface PreparedCondition {
  readonly source: AppendCondition;
  readonly queries: readonly EventQuery[] | undefined;
  /** Sequence of the newest event that the caller has seen. */
  readonly after: number;
}

/** @throws ConfigurationError for an empty query list, InvalidPositionError for a position that this log never had */
export function prepareCondition(source: AppendCondition, log: { readonly length: number }): PreparedCondition {
  return { source, queries: queriesOf(source.none), after: sequenceWithin(log, source.after) };
}

/** @throws InvalidPositionError for a position that this log never had */
export function sequenceWithin(log: { readonly length: number }, position: string): number {
  const sequence = parsePosition(position);
  if (sequence > log.length) {
    throw new InvalidPositionError(position, "lies ahead of the newest event; it belongs to another store");
  }
  return sequence;
}
