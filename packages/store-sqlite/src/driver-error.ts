import {
  AppendTooLargeError,
  ConfigurationError,
  EventSourcingError,
  StoreClosedError,
  StoreCorruptError,
  StoreFormatError,
  StoreUnavailableError,
  UnsupportedError,
} from "@es/core";
import { MAX_BYTES_PER_APPEND } from "./limits.ts";

/** The driver's result code, such as `SQLITE_BUSY_SNAPSHOT`, or `undefined` when the error is not SQLite's. */
export function sqliteCodeOf(error: unknown): string | undefined {
  if (!(error instanceof Error) || !("code" in error) || typeof error.code !== "string") return undefined;
  return error.code.startsWith("SQLITE_") ? error.code : undefined;
}

/** Whether the call may succeed once another process, connection or statement is done. */
export function isLocked(error: unknown): boolean {
  const code = sqliteCodeOf(error);
  if (code !== undefined) return code.startsWith("SQLITE_BUSY") || code.startsWith("SQLITE_LOCKED");
  // The owner of the database iterates over rows; until that ends the driver refuses to write.
  return error instanceof TypeError && error.message.includes("connection is busy");
}

/** Whether SQLite may have ended the transaction with this error, or with the one behind it. */
export function endsTransaction(error: unknown): boolean {
  const cause = error instanceof Error ? error.cause : undefined;
  return [error, cause].some((each) =>
    /^SQLITE_(FULL|IOERR|NOMEM|BUSY|LOCKED|INTERRUPT|CORRUPT)/.test(sqliteCodeOf(each) ?? ""),
  );
}

/** Whether the driver says that its connection was closed. */
export function isConnectionClosed(error: unknown): boolean {
  return error instanceof TypeError && error.message.includes("connection is not open");
}

/**
 * Whether a COMMIT that ended with this error may yet come back to life. SQLite has rolled it back, but where the failure
 * was not in writing (a failed sync, say), its pages may stand complete in the write-ahead log, and a crash before the next
 * commit would make the recovery take them for committed. A failed write or a full disk never completes the log's last page.
 */
export function mayReappear(error: unknown): boolean {
  const code = sqliteCodeOf(error);
  return code !== undefined && code.startsWith("SQLITE_IOERR") && code !== "SQLITE_IOERR_WRITE";
}

/** The error of the toolkit for an error of the driver. `doing` completes "while ...". Errors of the toolkit pass unchanged. */
export function toStoreError(error: unknown, doing: string): EventSourcingError {
  if (error instanceof EventSourcingError) return error;
  const options = { cause: error };
  const detail = `${error instanceof Error ? error.message : String(error)} (while ${doing})`;
  if (isConnectionClosed(error)) {
    return new StoreClosedError(
      "the database connection was closed by its owner; open it and the event store again",
      options,
    );
  }
  if (isLocked(error)) return new StoreUnavailableError(`the database is locked: ${detail}; try again`, options);

  const code = sqliteCodeOf(error) ?? "";
  const [, kind = ""] = code.split("_");
  switch (kind) {
    case "FULL":
      return new StoreUnavailableError(`the disk or the database is full: ${detail}; make room and try again`, options);
    case "CORRUPT":
      return new StoreCorruptError(
        `the database file is damaged: ${detail}; restore a backup, or copy what is left with the sqlite3 command ".recover"`,
        options,
      );
    case "NOTADB":
      return new StoreFormatError(
        `the file is not a SQLite database, or is encrypted: ${detail}; check the path`,
        options,
      );
    case "READONLY":
      return code === "SQLITE_READONLY_DBMOVED"
        ? new StoreUnavailableError(`the database file was moved or deleted: ${detail}; open the store again`, options)
        : new UnsupportedError(
            `the database can only be read: ${detail}; give this process the right to write the file and its directory`,
            options,
          );
    case "CANTOPEN":
    case "PERM":
    case "AUTH":
      return new ConfigurationError(
        `the database cannot be opened: ${detail}; check that the file and its directory exist and may be read and written`,
        options,
      );
    case "TOOBIG":
      return new AppendTooLargeError(
        { unit: "bytes", limit: MAX_BYTES_PER_APPEND, actual: MAX_BYTES_PER_APPEND + 1 },
        options,
      );
    case "CONSTRAINT":
      return new ConfigurationError(
        `a constraint or a trigger in the database refused the write: ${detail}; the event store's own tables have none that can, remove it`,
        options,
      );
    case "ERROR":
    case "MISMATCH":
      return new StoreFormatError(
        `the database is not what the store expects: ${detail}; were its tables changed while it was open?`,
        options,
      );
    default:
      return new StoreUnavailableError(`the database failed: ${detail}`, options);
  }
}
