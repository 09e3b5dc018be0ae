import {
  AppendTooLargeError,
  ConfigurationError,
  EventSourcingError,
  StoreCorruptError,
  StoreFormatError,
  StoreUnavailableError,
  UnsupportedError,
} from "@es/core";
import { MAX_BYTES_PER_APPEND } from "./limits.ts";

/** The server's SQLSTATE, such as `23505`, or `undefined` when the error does not come from the server. */
export function sqlStateOf(error: unknown): string | undefined {
  if (!(error instanceof Error) || !("code" in error) || typeof error.code !== "string") return undefined;
  return /^[0-9A-Z]{5}$/.test(error.code) && "severity" in error ? error.code : undefined;
}

/**
 * Whether the connection is gone, so that it cannot be known from this error what became of a statement. An error that the
 * server reports while the connection stays up means that the statement was rolled back.
 */
export function isConnectionLost(error: unknown): boolean {
  if (error instanceof EventSourcingError) return false;
  const state = sqlStateOf(error);
  if (state === undefined) return true;
  const severity = error instanceof Error && "severity" in error ? error.severity : undefined;
  return severity === "FATAL" || severity === "PANIC" || state.startsWith("08") || state.startsWith("57P");
}

/** Whether another transaction was in the way: the same statement may succeed when it is run again. */
export function isCollision(error: unknown): boolean {
  const state = sqlStateOf(error);
  return state === "23505" || state === "40001" || state === "40P01";
}

/** The error of the toolkit for an error of the driver. `doing` completes "while ...". Errors of the toolkit pass unchanged. */
export function toStoreError(error: unknown, doing: string): EventSourcingError {
  if (error instanceof EventSourcingError) return error;
  const options = { cause: error };
  const detail = `${error instanceof Error && error.message !== "" ? error.message : codeOf(error)} (while ${doing})`;
  const state = sqlStateOf(error);
  if (state === undefined) return fromNetwork(error, detail);
  if (state.startsWith("28"))
    return new ConfigurationError(`PostgreSQL refused the login: ${detail}; check user, password and TLS`, options);
  switch (state) {
    case "08P01":
    case "26000":
    case "42P05":
      return new ConfigurationError(
        `there seems to be a pooler that shares connections, such as PgBouncer: ${detail}; open the store with prepared: false, and with listenUrl or listen: false`,
        options,
      );
    case "3D000":
      return new ConfigurationError(`there is no such database: ${detail}; create it first`, options);
    case "42501":
      return new ConfigurationError(
        `the role lacks a right: ${detail}; grant it, see the roles in the documentation of the PostgreSQL store`,
        options,
      );
    case "25006":
      return new UnsupportedError(
        `the database can only be read: ${detail}; connect to the primary, and check default_transaction_read_only`,
        options,
      );
    case "25P01":
    case "25P02":
      return new ConfigurationError(
        `the transaction cannot be used: ${detail}; begin a new one, and roll back one that has failed`,
        options,
      );
    case "54000":
    case "54001":
      return new AppendTooLargeError(
        { unit: "bytes", limit: MAX_BYTES_PER_APPEND, actual: MAX_BYTES_PER_APPEND + 1 },
        options,
      );
    case "57014":
    case "55P03":
      return new StoreUnavailableError(
        `PostgreSQL did not finish in time: ${detail}; another transaction may have appended to the same stream and still be open, try again`,
        options,
      );
    case "XX001":
    case "XX002":
      return new StoreCorruptError(`the database is damaged: ${detail}; restore a backup`, options);
  }
  return fromClass(state, detail, options);
}

function fromClass(state: string, detail: string, options: ErrorOptions): EventSourcingError {
  switch (state.slice(0, 2)) {
    case "53":
      return new StoreUnavailableError(
        `PostgreSQL is short of disk, memory or connections: ${detail}; make room and try again`,
        options,
      );
    case "40":
      return new StoreUnavailableError(`another transaction was in the way: ${detail}; try again`, options);
    case "23":
    case "P0":
      return new ConfigurationError(
        `a constraint or a trigger in the database refused the write: ${detail}; the event log's own tables have none that can, remove it`,
        options,
      );
    case "22":
      return new ConfigurationError(`PostgreSQL refused a value: ${detail}`, options);
    case "0A":
    case "3F":
    case "42":
      return new StoreFormatError(
        `the database is not what the store expects: ${detail}; were its tables changed while it was open?`,
        options,
      );
    default:
      return new StoreUnavailableError(`PostgreSQL failed: ${detail}; try again`, options);
  }
}

const TLS_CODES = /CERT|SELF_SIGNED|ALTNAME|UNABLE_TO_|^ERR_TLS|^ERR_SSL/;

function fromNetwork(error: unknown, detail: string): EventSourcingError {
  const options = { cause: error };
  const message = error instanceof Error ? error.message : "";
  if (TLS_CODES.test(codeOf(error)) || message.includes("does not support SSL")) {
    return new ConfigurationError(
      `the connection cannot be secured: ${detail}; check ssl and its certificates`,
      options,
    );
  }
  if (/^SASL|password must be a string/.test(message)) {
    return new ConfigurationError(`the login failed: ${detail}; check user and password`, options);
  }
  if (codeOf(error) === "ERR_INVALID_URL") {
    return new ConfigurationError(`the address cannot be read: ${detail}`, options);
  }
  return new StoreUnavailableError(
    `PostgreSQL cannot be reached: ${detail}; check that it runs and that host and port are right`,
    options,
  );
}

function codeOf(error: unknown): string {
  return error instanceof Error && "code" in error && typeof error.code === "string" ? error.code : String(error);
}
