import type { EventStore } from "@es/core";
import { createPostgresSink, createSqliteSink } from "@es/projections";
import type Database from "better-sqlite3";
import pg from "pg";
import type { Subject } from "./subject.ts";
import { clearTotalsInPostgres, countTotalsInPostgres, totalsInPostgres } from "./totals-postgres.ts";
import { projectTotals } from "./totals-projection.ts";
import { clearTotalsInSqlite, countTotalsInSqlite, openTotalsDatabase, totalsInSqlite } from "./totals-sqlite.ts";
import type { Synchronous } from "./bare-sqlite.ts";

/** What a subject needs to project into a database, and its end. */
type Totals = Pick<Subject, "projectTotals"> & AsyncDisposable;

/** The toolkit's projection of a store into a PostgreSQL database. */
export function totalsIntoPostgres(store: EventStore<unknown>, url: string): Totals {
  const pool = new pg.Pool({ connectionString: url, max: 4 });
  // The database is dropped behind connections that are still closing.
  pool.on("error", () => undefined);
  const sink = createPostgresSink<pg.PoolClient>(pool);
  return {
    async projectTotals() {
      const client = await pool.connect();
      try {
        await clearTotalsInPostgres(client);
        await projectTotals(store, sink, totalsInPostgres);
        return await countTotalsInPostgres(client);
      } finally {
        client.release();
      }
    },
    [Symbol.asyncDispose]: () => pool.end(),
  };
}

/** The toolkit's projection of a store into a SQLite database of its own. */
export function totalsIntoSqlite(store: EventStore<unknown>, path: string, synchronous: Synchronous): Totals {
  const database = openTotalsDatabase(path, synchronous);
  const sink = createSqliteSink<Database.Database>(database);
  const table = totalsInSqlite(database);
  return {
    async projectTotals() {
      clearTotalsInSqlite(database);
      await projectTotals(store, sink, table);
      return countTotalsInSqlite(database);
    },
    async [Symbol.asyncDispose]() {
      database.close();
    },
  };
}

/** A subject that also projects into a database. */
export function withTotals(subject: Subject, totals: Totals): Subject {
  return {
    ...subject,
    projectTotals: () => totals.projectTotals?.() ?? 0,
    async [Symbol.asyncDispose]() {
      await totals[Symbol.asyncDispose]();
      await subject[Symbol.asyncDispose]();
    },
  };
}
