import type { Position } from "./position.ts";

/**
 * Which events are meant. Members are combined with AND, the entries of `types`, `categories` with OR, those of `tags` with AND.
 * `{}` means every event. An empty list is refused, because it could mean "all" as well as "none".
 */
export interface EventQuery {
  /** Any of these event types. */
  readonly types?: readonly string[];
  /** Streams of any of these categories. */
  readonly categories?: readonly string[];
  /** Events that carry all of these tags. */
  readonly tags?: readonly string[];
}

/** One query, or several of which any may match. */
export type EventFilter = EventQuery | readonly EventQuery[];

/**
 * A dynamic consistency boundary: the append is refused when an event that matches `none` was stored after the position
 * `after`. Read with the same queries up to `isCaughtUp` and pass that page's `next`.
 */
export interface AppendCondition {
  /** The events that must not have been stored. */
  readonly none: EventFilter;
  /** Where the reader of the decision had arrived. */
  readonly after: Position;
}
