import { ConfigurationError } from "../errors/configuration-error.ts";
import type { EventQuery } from "../store/event-query.ts";
import type { ReadAllOptions, ReadStreamOptions } from "../store/event-store.ts";
import { type Position, START } from "../store/position.ts";
import { assertStreamId } from "../store/stream-id.ts";
import { queriesOf } from "./event-filter.ts";

/** Events in a page unless the caller says otherwise. Pages of 500 to 1,000 are the fastest on every backend measured. */
export const DEFAULT_PAGE_SIZE = 500;

/** Checked options of `readStream` with their defaults. */
export interface StreamRead {
  /** The stream to read. */
  readonly streamId: string;
  /** Lowest version, inclusive. */
  readonly from: number;
  /** Highest version, inclusive. */
  readonly to: number;
  /** Whether the highest version comes first. */
  readonly isBackward: boolean;
  /** Most events to return. */
  readonly limit: number;
  /** Most events in one page. */
  readonly pageSize: number;
  /** Aborts the read. */
  readonly signal: AbortSignal | undefined;
}

/** Checked options of `readAll` with their defaults. */
export interface LogRead {
  /** Start behind this position. */
  readonly after: Position;
  /** What to return; `undefined` means every event. */
  readonly queries: readonly EventQuery[] | undefined;
  /** Most events to return. */
  readonly limit: number;
  /** Most events in one page. */
  readonly pageSize: number;
  /** Whether to wait at the head for more. */
  readonly isLive: boolean;
  /** Aborts the read. */
  readonly signal: AbortSignal | undefined;
}

/**
 * Checks the options of `readStream` and fills in their defaults.
 * @throws ConfigurationError naming the wrong option
 */
export function prepareStreamRead(streamId: string, options: ReadStreamOptions = {}): StreamRead {
  assertStreamId(streamId);
  const { direction = "forward" } = options;
  if (direction !== "forward" && direction !== "backward") {
    throw new ConfigurationError(`direction ${JSON.stringify(direction)} is neither "forward" nor "backward"`);
  }
  return {
    streamId,
    from: count("from", options.from ?? 1, 0),
    to: count("to", options.to ?? Number.MAX_SAFE_INTEGER, 0),
    isBackward: direction === "backward",
    limit: count("limit", options.limit ?? Number.MAX_SAFE_INTEGER, 0),
    pageSize: count("pageSize", options.pageSize ?? DEFAULT_PAGE_SIZE, 1),
    signal: options.signal,
  };
}

/**
 * Checks the options of `readAll` and fills in their defaults.
 * @throws ConfigurationError naming the wrong option
 */
export function prepareLogRead(options: ReadAllOptions = {}): LogRead {
  return {
    // Not `??`: a checkpoint that was read as null must not silently start from the beginning.
    after: options.after === undefined ? START : options.after,
    queries: queriesOf(options.filter),
    limit: count("limit", options.limit ?? Number.MAX_SAFE_INTEGER, 0),
    pageSize: count("pageSize", options.pageSize ?? DEFAULT_PAGE_SIZE, 1),
    isLive: options.live ?? false,
    signal: options.signal,
  };
}

function count(name: string, value: number, least: number): number {
  // Infinity is a natural way to say "all".
  if (value === Number.POSITIVE_INFINITY) return Number.MAX_SAFE_INTEGER;
  if (!Number.isSafeInteger(value) || value < least) {
    throw new ConfigurationError(`${name} is ${String(value)}; it must be a whole number from ${least}`);
  }
  return value;
}
