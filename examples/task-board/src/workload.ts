import { defineProjection, type ExactlyOnce, exactlyOnce, type Projection } from "@es/projections";
import type Database from "better-sqlite3";
import { taskEvents } from "./task.ts";

/** The table of {@link workload}. */
export const WORKLOAD_SQL = `
  CREATE TABLE IF NOT EXISTS owners (task TEXT PRIMARY KEY, assignee TEXT NOT NULL, done INTEGER NOT NULL) STRICT;
  CREATE VIEW IF NOT EXISTS workload AS
    SELECT assignee, SUM(done = 0) AS open, SUM(done) AS done FROM owners GROUP BY assignee`;

interface Owner {
  readonly assignee: string;
  readonly isDone: boolean;
}

/** What each user has to do: a fold, so each task that a page touches is read and written once. */
export const workload: Projection<ExactlyOnce<Database.Database>> = defineProjection({
  name: "workload",
  events: taskEvents,
  categories: ["task"],
  delivery: exactlyOnce<Database.Database>(),
  fold: {
    key: ({ streamId }) => streamId,
    load: (tasks, { tx }): ReadonlyMap<string, Owner> => {
      const select = tx.prepare<[string], { assignee: string; done: number }>("SELECT * FROM owners WHERE task = ?");
      return new Map(
        tasks.flatMap((task) => {
          const row = select.get(task);
          return row === undefined ? [] : [[task, { assignee: row.assignee, isDone: row.done === 1 }] as const];
        }),
      );
    },
    evolve: {
      TaskCreated: (_row, { data }) => ({ assignee: data.assignee, isDone: false }),
      TaskReassigned: (row, { data }) => ({ isDone: false, ...row, assignee: data.assignee }),
      TaskCompleted: (row) => row && { ...row, isDone: true },
    },
    save: (rows, { tx }) => {
      const write = tx.prepare("INSERT OR REPLACE INTO owners VALUES (?, ?, ?)");
      for (const [task, row] of rows) if (row !== undefined) write.run(task, row.assignee, row.isDone ? 1 : 0);
    },
  },
});
