import {
  ConfigurationError,
  EventSourcingError,
  StoreClosedError,
  StoreCorruptError,
  StoreFormatError,
  StoreUnavailableError,
  UnsupportedError,
} from "@es/core";

/** The part of SQLite's result code behind the prefix, such as `BUSY` of `SQLITE_BUSY_SNAPSHOT`; empty for any other error. */
function kindOf(error: unknown): string {
  if (!(error instanceof Error) || !("code" in error) || typeof error.code !== "string") return "";
  return /^SQLITE_([A-Z]+)/.exec(error.code)?.[1] ?? "";
}

/** Whether a lock of another process or connection was in the way. */
export function isLocked(error: unknown): boolean {
  return ["BUSY", "LOCKED"].includes(kindOf(error));
}

/** Whether the database refused a statement for a reason that passes by itself or when room is made, whatever the statement was. */
export function isPassing(error: unknown): boolean {
  return isLocked(error) || ["FULL", "IOERR", "NOMEM"].includes(kindOf(error));
}

/** The toolkit's error for that of a statement of the sink. `doing` completes "while ...". */
export function toSqliteSinkError(error: unknown, doing: string): EventSourcingError {
  if (error instanceof EventSourcingError) return error;
  const options = { cause: error };
  const detail = `${error instanceof Error ? error.message : String(error)} (while ${doing})`;
  if (error instanceof TypeError && error.message.includes("connection is not open")) {
    return new StoreClosedError(
      "the sink's database was closed by its owner; open it again and make another sink",
      options,
    );
  }
  switch (kindOf(error)) {
    case "BUSY":
    case "LOCKED":
      return new StoreUnavailableError(`the sink's database is locked: ${detail}; nothing was written`, options);
    case "CORRUPT":
      return new StoreCorruptError(`the sink's database file is damaged: ${detail}; restore a backup`, options);
    case "NOTADB":
      return new StoreFormatError(`the sink's file is not a SQLite database: ${detail}; check the path`, options);
    case "READONLY":
      return new UnsupportedError(
        `the sink's database can only be read: ${detail}; give this process the right to write the file and its directory`,
        options,
      );
    case "CANTOPEN":
    case "PERM":
    case "AUTH":
      return new ConfigurationError(
        `the sink's database cannot be opened: ${detail}; check that the file and its directory may be read and written`,
        options,
      );
    case "ERROR":
    case "MISMATCH":
    case "CONSTRAINT":
      return new StoreFormatError(
        `the sink's database is not what it expects: ${detail}; was the table es_projection_registers changed?`,
        options,
      );
    default:
      return new StoreUnavailableError(
        `the sink's database failed: ${detail}; make room on its disk, or try again`,
        options,
      );
  }
}
