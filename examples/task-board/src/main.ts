import { createRepository, isEventSourcingError, openEventStore } from "@es/core";
import { createProjectionRunner, createSqliteSink } from "@es/projections";
import Database from "better-sqlite3";
import { notices } from "./notices.ts";
import { Task } from "./task.ts";
import { TASK_LIST_SQL, taskList } from "./task-list.ts";
import { WORKLOAD_SQL, workload } from "./workload.ts";

/** A wrong address or a server that is away is one line for who runs this; anything else is a fault of the program. */
function giveUp(error: unknown): never {
  if (!isEventSourcingError(error)) throw error;
  console.error(`${error.code}: ${error.message}`);
  process.exit(1);
}

// Whatever store the events are in, the read models are in a SQLite database of their own.
await using store = await openEventStore(process.env["EVENT_STORE_URL"] ?? "memory:", { from: import.meta.url }).catch(
  giveUp,
);
const viewsPath = process.env["VIEWS"] ?? ":memory:";
const views = new Database(viewsPath);
views.exec(TASK_LIST_SQL);
views.exec(WORKLOAD_SQL);
const sink = createSqliteSink(views);

await using list = createProjectionRunner(taskList, { store, sink });
await using load = createProjectionRunner(workload, { store, sink });
await using outbox = createProjectionRunner(notices(console.log), { store, onFailure: "park" });
await Promise.all([list.start(), load.start(), outbox.start()]).catch(giveUp);

const tasks = createRepository(store, Task);
const run = crypto.randomUUID().slice(0, 8);
await tasks.execute(`${run}-1`, { type: "Create", data: { title: "Write the docs", assignee: "ada" } });
await tasks.execute(`${run}-2`, { type: "Create", data: { title: "Review the code", assignee: "ada" } });
await tasks.execute(`${run}-2`, { type: "Reassign", data: { assignee: "grace" } });
const { position } = await tasks.execute(`${run}-1`, { type: "Complete", data: {} });

// Read your own writes: nothing below is shown before the read models have come that far.
await Promise.all([list, load, outbox].map((runner) => runner.waitFor(position)));
for (const row of views.prepare("SELECT title, assignee, done FROM tasks ORDER BY rowid").all()) console.log(row);
for (const row of views.prepare("SELECT * FROM workload ORDER BY assignee").all()) console.log(row);
await Promise.all([list.stop(), load.stop(), outbox.stop()]);
views.close();
