import {
  AppendTooLargeError,
  ConfigurationError,
  EventSourcingError,
  StoreUnavailableError,
  UnsupportedError,
} from "@es/core";
import { ServerFailure, textOf, toServerFailure } from "./server-failure.ts";

/** The error of the toolkit for a failed call of the client. `doing` completes "while ...". Those of the toolkit pass unchanged. */
export function toStoreError(error: unknown, doing: string): EventSourcingError {
  if (error instanceof EventSourcingError) return error;
  const failure = toServerFailure(error);
  const options = { cause: failure.cause ?? failure };
  const detail = `${failure.message} (while ${doing})`;
  switch (failure.kind) {
    case "denied":
      return new ConfigurationError(
        `the KurrentDB server refuses the credentials, or this user may not do that: ${detail}; check user and password in the connection string, and give the user the rights that the documentation of the store lists`,
        options,
      );
    case "too-large": {
      const { limit, size } = failure.facts;
      if (limit !== undefined)
        return new AppendTooLargeError({ unit: "bytes", limit, actual: size ?? limit + 1 }, options);
      return new ConfigurationError(
        `an event is larger than the KurrentDB server takes: ${detail}; make it smaller, or raise the limit of the server`,
        options,
      );
    }
    case "closed":
      return new UnsupportedError(
        `the stream was deleted for good (tombstoned) on the KurrentDB server, which takes no more events for it: ${detail}; use another stream id`,
        options,
      );
    case "unsupported":
      return new UnsupportedError(`the KurrentDB server cannot do that: ${detail}; upgrade it`, options);
    case "conflict":
    case "absent":
    case "no-place":
    case "refused":
      return new ConfigurationError(`the KurrentDB server refuses it: ${detail}`, options);
    case "not-sent":
    case "not-leader":
    case "lost":
      return new StoreUnavailableError(`the KurrentDB server did not answer in time: ${detail}; try again`, options);
  }
}

/** The text of an error. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? textOf(error) : String(error);
}

/** Whether the same call may succeed a moment later. */
export function isPassing(error: unknown): error is ServerFailure {
  if (!(error instanceof ServerFailure)) return false;
  return error.kind === "lost" || error.kind === "not-sent" || error.kind === "not-leader";
}
