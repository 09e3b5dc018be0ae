import { defineProjection, type ExactlyOnce, exactlyOnce, type Projection } from "@es/projections";
import type { SqliteDatabase } from "@es/store-sqlite";
import type { Totals } from "./reconcile.ts";
import { fileEvents } from "./tracked-file.ts";

/** The tables of {@link readModel}. */
export const READ_MODEL_SQL = `
  CREATE TABLE IF NOT EXISTS git_files(
    stream TEXT PRIMARY KEY, path TEXT NOT NULL, changes INTEGER NOT NULL, added INTEGER NOT NULL, removed INTEGER NOT NULL) STRICT;
  CREATE TABLE IF NOT EXISTS git_authors(
    name TEXT PRIMARY KEY, commits INTEGER NOT NULL, changes INTEGER NOT NULL, added INTEGER NOT NULL, removed INTEGER NOT NULL) STRICT;
  CREATE TABLE IF NOT EXISTS git_months(
    month TEXT PRIMARY KEY, changes INTEGER NOT NULL, added INTEGER NOT NULL, removed INTEGER NOT NULL) STRICT;
  CREATE TABLE IF NOT EXISTS git_totals(
    id INTEGER PRIMARY KEY CHECK (id = 1), commits INTEGER NOT NULL, changes INTEGER NOT NULL, added INTEGER NOT NULL,
    removed INTEGER NOT NULL, renames INTEGER NOT NULL, last_commit TEXT NOT NULL) STRICT;
  INSERT OR IGNORE INTO git_totals VALUES (1, 0, 0, 0, 0, 0, '')`;

/** Sums over the events of one key. */
interface Churn {
  changes: number;
  added: number;
  removed: number;
}

/**
 * Hot spots, authors, months and totals, kept while the import runs. A page of events is summed up in memory and written once; what is
 * written is committed together with the checkpoint, so each event is counted exactly once, whenever the program is killed.
 */
export const readModel: Projection<ExactlyOnce<SqliteDatabase>> = defineProjection({
  name: "git-report",
  events: fileEvents,
  categories: ["file"],
  delivery: exactlyOnce<SqliteDatabase>(),
  batch: (events, { tx }) => {
    const files = new Map<string, Churn & { path: string }>();
    const authors = new Map<string, Churn & { commits: number }>();
    const months = new Map<string, Churn>();
    const total = { ...noChurn(), commits: 0, renames: 0 };
    let lastCommit = totalsOf(tx).last_commit;
    for (const { type, data, streamId } of events) {
      const file = entry(files, streamId, () => ({ ...noChurn(), path: "" }));
      file.path = data.path;
      const author = entry(authors, data.author, () => ({ ...noChurn(), commits: 0 }));
      // The events of one commit stand side by side.
      if (data.commit !== lastCommit) {
        author.commits += 1;
        total.commits += 1;
      }
      lastCommit = data.commit;
      const month = entry(months, data.time.slice(0, 7), noChurn);
      for (const churn of [file, author, month, total]) {
        churn.changes += 1;
        churn.added += data.added ?? 0;
        churn.removed += data.removed ?? 0;
      }
      if (type === "FileRenamed") total.renames += 1;
    }
    save(tx, { files, authors, months, total, lastCommit });
  },
});

interface Sums {
  readonly files: ReadonlyMap<string, Churn & { readonly path: string }>;
  readonly authors: ReadonlyMap<string, Churn & { readonly commits: number }>;
  readonly months: ReadonlyMap<string, Churn>;
  readonly total: Churn & { readonly commits: number; readonly renames: number };
  readonly lastCommit: string;
}

const ADD =
  "changes = changes + excluded.changes, added = added + excluded.added, removed = removed + excluded.removed";

/** Adds the sums of a page to the tables. */
function save(tx: SqliteDatabase, { files, authors, months, total, lastCommit }: Sums): void {
  const file = tx.prepare(
    `INSERT INTO git_files VALUES (?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET path = excluded.path, ${ADD}`,
  );
  for (const [stream, { path, ...churn }] of files) file.run(stream, path, ...numbersOf(churn));
  const author = tx.prepare(
    `INSERT INTO git_authors VALUES (?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET commits = commits + excluded.commits, ${ADD}`,
  );
  for (const [name, { commits, ...churn }] of authors) author.run(name, commits, ...numbersOf(churn));
  const month = tx.prepare(`INSERT INTO git_months VALUES (?, ?, ?, ?) ON CONFLICT DO UPDATE SET ${ADD}`);
  for (const [name, churn] of months) month.run(name, ...numbersOf(churn));
  tx.prepare(
    `UPDATE git_totals SET commits = commits + ?, changes = changes + ?, added = added + ?, removed = removed + ?,
       renames = renames + ?, last_commit = ?`,
  ).run(total.commits, ...numbersOf(total), total.renames, lastCommit);
}

/** A row of the totals, as it is stored. */
interface TotalsRow extends Totals {
  readonly renames: number;
  readonly last_commit: string;
}

function totalsOf(tx: SqliteDatabase): TotalsRow {
  const row = tx.prepare<TotalsRow>("SELECT * FROM git_totals").get();
  if (row === undefined) throw new Error("the table of the totals is empty; import again from the start with --fresh");
  return row;
}

/** A line of a table of the report. */
export interface ReportRow extends Totals {
  readonly name: string;
}

/** What the report shows. Its size does not grow with the history. */
export interface Report {
  /** Its commits are those that changed a file: the others left no event. */
  readonly total: Totals;
  readonly renames: number;
  readonly files: number;
  readonly authors: number;
  readonly months: number;
  readonly hotSpots: readonly ReportRow[];
  readonly topAuthors: readonly ReportRow[];
  /** Ascending. */
  readonly lastMonths: readonly ReportRow[];
}

/** Reads the tables, so many rows of each at most. */
export function readReport(tx: SqliteDatabase, limits: { readonly top: number; readonly months: number }): Report {
  const { renames, last_commit: _, ...total } = totalsOf(tx);
  const count = (name: string): number =>
    tx.prepare<{ rows: number }>(`SELECT count(*) AS rows FROM ${name}`).get()?.rows ?? 0;
  const rows = (sql: string, limit: number): readonly ReportRow[] => tx.prepare<ReportRow>(sql).all(limit);
  return {
    total,
    renames,
    files: count("git_files"),
    authors: count("git_authors"),
    months: count("git_months"),
    hotSpots: rows(
      "SELECT path AS name, 0 AS commits, changes, added, removed FROM git_files ORDER BY changes DESC, rowid LIMIT ?",
      limits.top,
    ),
    topAuthors: rows("SELECT * FROM git_authors ORDER BY commits DESC, rowid LIMIT ?", limits.top),
    lastMonths: rows(
      "SELECT month AS name, 0 AS commits, changes, added, removed FROM git_months ORDER BY month DESC LIMIT ?",
      limits.months,
    ).toReversed(),
  };
}

function numbersOf({ changes, added, removed }: Churn): readonly [number, number, number] {
  return [changes, added, removed];
}

function noChurn(): Churn {
  return { changes: 0, added: 0, removed: 0 };
}

function entry<Value>(map: Map<string, Value>, key: string, create: () => Value): Value {
  const found = map.get(key);
  if (found !== undefined) return found;
  const created = create();
  map.set(key, created);
  return created;
}
