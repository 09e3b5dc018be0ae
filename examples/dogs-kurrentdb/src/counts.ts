import { defineProjection, type ExactlyOnce, exactlyOnce, type Projection } from "@es/projections";
import type Database from "better-sqlite3";
import { dogEvents } from "./dog.ts";

/** The table of {@link counts}. */
export const COUNTS_SQL = "CREATE TABLE IF NOT EXISTS counts (what TEXT PRIMARY KEY, number INTEGER NOT NULL) STRICT";

const ADD_ONE = "INSERT INTO counts VALUES (?, 1) ON CONFLICT (what) DO UPDATE SET number = number + 1";

/** How many dogs and tricks there are. Counting is exact: the checkpoint moves in the transaction of the count. */
export const counts: Projection<ExactlyOnce<Database.Database>> = defineProjection({
  name: "counts",
  events: dogEvents,
  categories: ["dog"],
  delivery: exactlyOnce<Database.Database>(),
  handlers: {
    DogRegistered: (_event, { tx }) => {
      tx.prepare(ADD_ONE).run("dogs");
    },
    TrickAdded: (_event, { tx }) => {
      tx.prepare(ADD_ONE).run("tricks");
    },
  },
});
