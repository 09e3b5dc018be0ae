import Database from "better-sqlite3";
import type { Synchronous } from "./bare-sqlite.ts";
import type { OrderLine } from "./order.ts";
import { foldPage, type Total, totalKey } from "./totals.ts";
import type { TotalsTable } from "./totals-projection.ts";

/** The read model, and the checkpoint of the bare side. */
const SCHEMA = `
  CREATE TABLE IF NOT EXISTS totals (key TEXT PRIMARY KEY, events INTEGER NOT NULL, cents INTEGER NOT NULL) STRICT, WITHOUT ROWID;
  CREATE TABLE IF NOT EXISTS progress (name TEXT PRIMARY KEY, position INTEGER NOT NULL) STRICT, WITHOUT ROWID;
`;

/** A database for the read model, beside the log. */
export function openTotalsDatabase(path: string, synchronous: Synchronous): Database.Database {
  const database = new Database(path);
  database.pragma("journal_mode = WAL");
  database.pragma(`synchronous = ${synchronous}`);
  database.exec(SCHEMA);
  return database;
}

/** Empties the read model. */
export function clearTotalsInSqlite(database: Database.Database): void {
  database.exec("DELETE FROM totals");
}

/** How many events the rows count. */
export function countTotalsInSqlite(database: Database.Database): number {
  return database.prepare<[], number>("SELECT sum(events) FROM totals").pluck().get() ?? 0;
}

/** One prepared statement each way, once for each row of a page. The same on both sides. */
export function totalsInSqlite(database: Database.Database): TotalsTable<Database.Database> {
  const select = database
    .prepare<[string], [events: number, cents: number]>("SELECT events, cents FROM totals WHERE key = ?")
    .raw();
  const upsert = database.prepare<[string, number, number]>(
    "INSERT INTO totals VALUES (?, ?, ?) ON CONFLICT (key) DO UPDATE SET events = excluded.events, cents = excluded.cents",
  );
  return {
    load(keys) {
      const stored = new Map<string, Total>();
      for (const key of keys) {
        const row = select.get(key);
        if (row !== undefined) stored.set(key, { events: row[0], cents: row[1] });
      }
      return stored;
    },
    save(rows) {
      for (const [key, { events, cents }] of rows) upsert.run(key, events, cents);
    },
  };
}

/** A hand-written projection: rows and checkpoint of a page in one transaction. */
export function totalsWriter(
  database: Database.Database,
): (
  name: string,
  page: readonly { readonly streamId: string; readonly data: OrderLine }[],
  position: number,
) => Promise<void> {
  const table = totalsInSqlite(database);
  const saveProgress = database.prepare<[string, number]>(
    "INSERT INTO progress VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET position = excluded.position",
  );
  return async (name, page, position) => {
    const changes = page.map((event) => ({ key: totalKey(event), data: event.data }));
    database.exec("BEGIN IMMEDIATE");
    const stored = await table.load([...new Set(changes.map(({ key }) => key))], database);
    await table.save(foldPage(changes, stored), database);
    saveProgress.run(name, position);
    database.exec("COMMIT");
  };
}
