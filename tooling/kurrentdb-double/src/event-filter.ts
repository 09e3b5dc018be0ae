import type { LoggedEvent } from "./event-log.ts";
import type { ExpressionMessage, FilterMessage } from "./messages.ts";

/** Whether a reader of all events wants this one. */
export type EventFilter = (event: LoggedEvent) => boolean;

// What the server uses when a client names no window.
const DEFAULT_WINDOW = 32;

/** The filter of a read of all events. The dialect of regular expressions is JavaScript's, a real server has .NET's. */
export function toEventFilter(message: FilterMessage | undefined): EventFilter {
  if (message?.subject === "stream_name") {
    const matches = toMatcher(message.stream_name);
    return (event) => matches(event.streamName);
  }
  if (message?.subject === "event_type") {
    const matches = toMatcher(message.event_type);
    return (event) => matches(event.type);
  }
  return () => true;
}

/** How many events a filtered subscription considers between two checkpoints. */
export function checkpointInterval(filter: FilterMessage): number {
  const window = filter.window === "max" ? (filter.max ?? 0) : DEFAULT_WINDOW;
  return Math.max(1, window * (filter.checkpoint_interval_multiplier ?? 0));
}

function toMatcher(expression: ExpressionMessage | undefined): (text: string) => boolean {
  const prefixes = expression?.prefixes ?? [];
  if (prefixes.length > 0) return (text) => prefixes.some((prefix) => text.startsWith(prefix));
  const regex = new RegExp(expression?.regex ?? "");
  return (text) => regex.test(text);
}
