import { StoreFormatError } from "@es/core";

/** The row that says the format is not there. Without checkpoints, every event would be handled again. */
export function withoutFormat(table: string): StoreFormatError {
  return new StoreFormatError(
    `the table ${table} has no row that says its format, so it was emptied, or another program made it; restore it from a backup. ` +
      "To begin anew, empty the read models too and drop it: it is made again",
  );
}
