import { InvalidPositionError } from "@es/core";
import type { CallLimit } from "./client-holder.ts";
import type { ServerFilter } from "./kurrent-client.ts";
import { type LogPosition, toPosition } from "./positions.ts";
import { ServerFailure } from "./server-failure.ts";
import type { ServerReader } from "./server-reader.ts";
import { scanBySubscription } from "./subscription-scan.ts";

/** Any event, so that the subscription ends soon. */
const ANYTHING: ServerFilter = { filterOn: "streamName", regex: ".", checkpointInterval: 1 };

/**
 * A read from a place that is none of the log fails, and the client shows that like a server that is away. So when a read has failed, a
 * subscription is asked, of whose failures the client shows the text.
 *
 * @throws InvalidPositionError when the server says that there is no such place, and nothing otherwise
 */
export async function assertPlace(reader: ServerReader, place: LogPosition, call: CallLimit): Promise<void> {
  try {
    await reader.holder.attempt(reader.brief(call), (client, progress) =>
      scanBySubscription(client, { from: place, filter: ANYTHING, count: 1 }, progress),
    );
  } catch (error) {
    if (isNoPlace(error)) throw noPlace(place, error);
    // Then the server is away after all, and whoever asks has an error that says so.
  }
}

export function isNoPlace(error: unknown): error is ServerFailure {
  return error instanceof ServerFailure && error.kind === "no-place";
}

export function noPlace(place: LogPosition, cause: unknown): InvalidPositionError {
  return new InvalidPositionError(
    toPosition(place),
    "is that of no event on this server; it belongs to another store, or this one was restored from a backup",
    { cause },
  );
}
