import { defineProjection, type ExactlyOnce, exactlyOnce, type Projection } from "@es/projections";
import type Database from "better-sqlite3";
import { taskEvents } from "./task.ts";

/** The table of {@link taskList}. */
export const TASK_LIST_SQL = `
  CREATE TABLE IF NOT EXISTS tasks (id TEXT PRIMARY KEY, title TEXT NOT NULL, assignee TEXT NOT NULL, done INTEGER NOT NULL) STRICT`;

/** All tasks, one row each, written by one statement for each event. */
export const taskList: Projection<ExactlyOnce<Database.Database>> = defineProjection({
  name: "task-list",
  events: taskEvents,
  categories: ["task"],
  delivery: exactlyOnce<Database.Database>(),
  handlers: {
    TaskCreated: ({ streamId, data }, { tx }) => {
      tx.prepare("INSERT INTO tasks VALUES (?, ?, ?, 0)").run(streamId, data.title, data.assignee);
    },
    TaskReassigned: ({ streamId, data }, { tx }) => {
      tx.prepare("UPDATE tasks SET assignee = ? WHERE id = ?").run(data.assignee, streamId);
    },
    TaskCompleted: ({ streamId }, { tx }) => {
      tx.prepare("UPDATE tasks SET done = 1 WHERE id = ?").run(streamId);
    },
  },
});
