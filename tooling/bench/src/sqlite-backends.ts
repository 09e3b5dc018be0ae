import { join } from "node:path";
import { openSqliteEventStore } from "@es/store-sqlite";
import type { Backend, Side } from "./backend.ts";
import { openBareSqlite, type Synchronous } from "./bare-sqlite.ts";
import { embedded } from "./embedded.ts";
import type { Subject } from "./subject.ts";
import { createToolkitSubject } from "./toolkit-subject.ts";
import { totalsIntoSqlite, withTotals } from "./toolkit-totals.ts";

const COMMON = { timeEvery: 1, maxPerSlice: 50_000 };

/** The SQLite store, against better-sqlite3. */
export const SQLITE_BACKENDS: readonly Backend[] = [
  {
    ...COMMON,
    id: "sqlite-normal",
    title: "SQLite, synchronous=NORMAL",
    start: () => embedded((side, directory) => open(side, directory, "NORMAL")),
  },
  {
    ...COMMON,
    id: "sqlite-full",
    title: "SQLite, synchronous=FULL",
    start: () => embedded((side, directory) => open(side, directory, "FULL")),
  },
];

async function open(side: Side, directory: string, synchronous: Synchronous): Promise<Subject> {
  const path = join(directory, "events.db");
  if (side === "bare") return openBareSqlite(path, synchronous);
  const store = await openSqliteEventStore({ path, synchronous });
  return withTotals(createToolkitSubject(store), totalsIntoSqlite(store, join(directory, "totals.db"), synchronous));
}
