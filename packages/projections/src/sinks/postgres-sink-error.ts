import { ConfigurationError, EventSourcingError, StoreUnavailableError } from "@es/core";

/** The server's SQLSTATE, such as `40001`, or `undefined` when the error does not come from the server. */
function sqlStateOf(error: unknown): string | undefined {
  if (!(error instanceof Error) || !("code" in error) || typeof error.code !== "string") return undefined;
  return /^[0-9A-Z]{5}$/.test(error.code) && "severity" in error ? error.code : undefined;
}

/** Deadlocks and serialization, disk, memory and connections, a lock that was not to be had, a server that stops or starts. */
const PASSING = /^(40|53|08|57P|55P03|25P03)/;

/** Whether the server refused a statement for a reason that passes by itself, whatever the statement was. */
export function isPassing(error: unknown): boolean {
  return PASSING.test(sqlStateOf(error) ?? "");
}

/**
 * Whether the connection is gone, so that the error does not tell what became of a statement. Only for statements of the sink
 * itself: what else a handler calls may fail with anything.
 */
export function isConnectionLost(error: unknown): boolean {
  if (error instanceof EventSourcingError) return false;
  const state = sqlStateOf(error);
  if (state === undefined) return true;
  const severity = error instanceof Error && "severity" in error ? error.severity : undefined;
  return severity === "FATAL" || severity === "PANIC" || state.startsWith("08") || state.startsWith("57P");
}

/** The toolkit's error for that of a statement of the sink. `doing` completes "while ...". */
export function toSinkError(error: unknown, doing: string): EventSourcingError {
  if (error instanceof EventSourcingError) return error;
  const options = { cause: error };
  const detail = `${error instanceof Error && error.message !== "" ? error.message : String(error)} (while ${doing})`;
  const state = sqlStateOf(error);
  if (state === undefined || isPassing(error)) {
    return new StoreUnavailableError(`the sink's PostgreSQL database is not available: ${detail}; try again`, options);
  }
  if (state.startsWith("28") || state === "3D000") {
    return new ConfigurationError(
      `the sink cannot log in to PostgreSQL: ${detail}; check the pool's settings`,
      options,
    );
  }
  if (state === "42501") {
    return new ConfigurationError(
      `the sink's role lacks a right: ${detail}; let it create and write the table es_projection_registers, or name another "schema"`,
      options,
    );
  }
  if (state === "25P01" || state === "25P02") {
    return new ConfigurationError(
      `the sink's transaction cannot be used: ${detail}; leave BEGIN, COMMIT and ROLLBACK to the sink, and let a statement that failed fail the handler`,
      options,
    );
  }
  return new ConfigurationError(`PostgreSQL refused what the sink asked for: ${detail}`, options);
}
