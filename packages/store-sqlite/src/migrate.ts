import { StoreFormatError } from "@es/core";
import { inspectFile } from "./inspect-file.ts";
import type { Migration } from "./schema.ts";
import { prepareCommand } from "./sqlite-database.ts";
import type { WriteConnection } from "./write-connection.ts";

/**
 * Brings the event log to the newest format, creating it if need be, in one transaction. Safe from many processes at once:
 * what is there is looked at again under the write lock.
 *
 * @throws StoreFormatError when the file holds something else; nothing was changed
 */
export function migrate(
  connection: WriteConnection,
  options: { readonly migrations: readonly Migration[]; readonly allowForeignTables: boolean },
): void {
  const { database } = connection;
  connection.begin();
  try {
    const content = inspectFile(database);
    assertMayCreate(content, options.allowForeignTables, database.name);
    const from = content.kind === "log" ? content.format : 0;
    const pending = options.migrations.slice(from);
    for (const step of pending) step(database);
    if (pending.length > 0) {
      prepareCommand(
        database,
        "INSERT INTO es_meta (key, value) VALUES ('format', ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value",
      ).run(String(from + pending.length));
    }
    connection.commit();
  } catch (error) {
    connection.rollback();
    throw error;
  }
}

/** @throws StoreFormatError when the database is somebody else's and may not be added to */
export function assertMayCreate(
  content: ReturnType<typeof inspectFile>,
  allowForeignTables: boolean,
  name: string,
): void {
  if (content.kind !== "foreign" || allowForeignTables) return;
  const shown = content.tables.slice(0, 10).join(", ");
  const more = content.tables.length > 10 ? ` and ${content.tables.length - 10} more` : "";
  throw new StoreFormatError(
    `${JSON.stringify(name)} is a SQLite database with other tables (${shown}${more}) and no event log; ` +
      `check the path, or pass createTables: "alongside" to add the event log to it`,
  );
}
