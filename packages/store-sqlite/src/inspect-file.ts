import { StoreFormatError } from "@es/core";
import { FORMAT, TABLES } from "./schema.ts";
import { prepareRows, prepareValue, type SqliteDatabase } from "./sqlite-database.ts";

/** What a database holds, as far as the event log is concerned. */
export type FileContent =
  | { readonly kind: "empty" }
  /** Tables of somebody else and no event log. */
  | { readonly kind: "foreign"; readonly tables: readonly string[] }
  | { readonly kind: "log"; readonly format: number };

/**
 * Looks what the database holds.
 *
 * @throws StoreFormatError when it holds an event log that this package cannot use
 */
export function inspectFile(database: SqliteDatabase): FileContent {
  const tables = prepareValue<string>(
    database,
    "SELECT name FROM sqlite_schema WHERE type IN ('table', 'view') AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\' ORDER BY name",
  ).all();
  const own = Object.keys(TABLES);
  if (!tables.some((table) => own.includes(table))) {
    return tables.length === 0 ? { kind: "empty" } : { kind: "foreign", tables };
  }
  const format = formatOf(database);
  if (format > FORMAT) {
    throw new StoreFormatError(
      `the event log has format ${format}, this version of @es/store-sqlite knows formats up to ${FORMAT}; upgrade @es/store-sqlite`,
    );
  }
  if (format === FORMAT) assertColumns(database);
  return { kind: "log", format };
}

function formatOf(database: SqliteDatabase): number {
  let format: string | undefined;
  if (columnsOf(database, "es_meta").length > 0) {
    try {
      format = prepareValue<string>(database, "SELECT value FROM es_meta WHERE key = 'format'").get();
    } catch (cause) {
      throw new StoreFormatError(`the table es_meta is not that of an event log; ${ELSEWHERE}`, { cause });
    }
  }
  if (format === undefined || !/^[1-9]\d{0,8}$/.test(format)) {
    throw new StoreFormatError(
      `the database has tables named es_... but does not say which format they have; ${ELSEWHERE}`,
    );
  }
  return Number(format);
}

const ELSEWHERE = "they are not of @es/store-sqlite or are damaged: use another file, or restore a backup";

function assertColumns(database: SqliteDatabase): void {
  for (const [table, columns] of Object.entries(TABLES)) {
    const found = columnsOf(database, table);
    const missing = columns.filter((column) => !found.includes(column));
    if (missing.length > 0) {
      const what =
        found.length === 0 ? "is missing" : `has the columns ${found.join(", ")} but lacks ${missing.join(", ")}`;
      throw new StoreFormatError(`the event log is not one of format ${FORMAT}: table ${table} ${what}; ${ELSEWHERE}`);
    }
  }
}

function columnsOf(database: SqliteDatabase, table: string): readonly string[] {
  return prepareRows<readonly [string, string]>(database, "SELECT name, type FROM pragma_table_info(?)")
    .all(table)
    .map(([name, type]) => `${name} ${type}`);
}

/** The id that was drawn when the event log in this database was created. */
export function identityOf(database: SqliteDatabase): string | undefined {
  return prepareValue<string>(database, "SELECT value FROM es_meta WHERE key = 'identity'").get();
}
