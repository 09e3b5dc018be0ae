import type { ReadStreamOptions } from "@es/core";

/** What a read of a stream with these options means, said as a filter over the whole stream. */
export function selectFromStream<Event extends { readonly version: number }>(
  events: readonly Event[],
  options: ReadStreamOptions,
): readonly Event[] {
  const { from = 1, to = Number.POSITIVE_INFINITY, direction = "forward", limit } = options;
  const inBounds = events.filter(({ version }) => version >= from && version <= to);
  return (direction === "backward" ? inBounds.toReversed() : inBounds).slice(0, limit);
}
