import { randomUUID } from "node:crypto";
import type { SqliteDatabase } from "./sqlite-database.ts";

/** The tables of the event log and their columns, as `name TYPE`. */
export const TABLES = {
  es_meta: ["key TEXT", "value TEXT"],
  es_events: [
    "position INTEGER",
    "stream TEXT",
    "version INTEGER",
    "id TEXT",
    "type TEXT",
    "at INTEGER",
    "tags TEXT",
    "metadata TEXT",
    "data TEXT",
  ],
  es_tags: ["tag TEXT", "position INTEGER"],
  es_registers: ["key TEXT", "value TEXT", "revision INTEGER"],
} as const;

/** Brings the tables from the format before to the next one. Runs in a transaction, under the write lock. */
export type Migration = (database: SqliteDatabase) => void;

/**
 * Entry n leads from format n to format n + 1; format 0 is a file without the tables. Entries are never changed once they
 * are released. The row `format` of `es_meta` stays readable in every format, so that an old package can refuse a new file.
 */
export const MIGRATIONS: readonly Migration[] = [
  (database) => {
    // AUTOINCREMENT: a plain rowid is used again after the newest row is gone, and a reader at that position would miss the event.
    database.exec(`
      CREATE TABLE es_meta (
        key TEXT PRIMARY KEY,
        value TEXT NOT NULL
      ) STRICT, WITHOUT ROWID;
      CREATE TABLE es_events (
        position INTEGER PRIMARY KEY AUTOINCREMENT,
        stream TEXT NOT NULL,
        version INTEGER NOT NULL,
        id TEXT NOT NULL,
        type TEXT NOT NULL,
        at INTEGER NOT NULL,
        tags TEXT,
        metadata TEXT,
        data TEXT NOT NULL,
        UNIQUE (stream, version)
      ) STRICT;
      CREATE TABLE es_tags (
        tag TEXT NOT NULL,
        position INTEGER NOT NULL,
        PRIMARY KEY (tag, position)
      ) STRICT, WITHOUT ROWID;
      CREATE TABLE es_registers (
        key TEXT PRIMARY KEY,
        value TEXT,
        revision INTEGER NOT NULL
      ) STRICT;
    `);
    const meta = database.prepare("INSERT INTO es_meta (key, value) VALUES (?, ?)");
    meta.run("identity", randomUUID());
    meta.run("created", new Date().toISOString());
  },
];

/** The format that this package writes. */
export const FORMAT: number = MIGRATIONS.length;
