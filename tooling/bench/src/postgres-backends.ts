import { openPostgresEventStore } from "@es/store-postgres";
import { createDatabase, startPostgres } from "test-servers";
import type { Backend, RunningBackend, Side } from "./backend.ts";
import { openBarePostgres } from "./bare-postgres.ts";
import type { Subject } from "./subject.ts";
import { createToolkitSubject } from "./toolkit-subject.ts";

const COMMON = { timeEvery: 1, maxPerSlice: 50_000 };

/** The PostgreSQL store, against pg. */
export const POSTGRES_BACKENDS: readonly Backend[] = [
  {
    ...COMMON,
    id: "postgres",
    title: "PostgreSQL, synchronous_commit=on",
    start: () => start(openSide),
  },
  {
    ...COMMON,
    id: "postgres-order",
    title:
      "PostgreSQL, cost of the order guarantee: the bare driver with the trigger that announces positions, against it without",
    cases: /^append-/,
    start: () => start((side, url) => openBarePostgres(url, { isOrdered: side === "toolkit" })),
  },
];

/** A server of its own, and a database of its own for each side. */
async function start(open: (side: Side, url: string) => Promise<Subject>): Promise<RunningBackend> {
  const server = await startPostgres({ version: "newest", isPrivate: true });
  return {
    server: `PostgreSQL ${server.version}`,
    async open(side) {
      const database = await createDatabase(server);
      const subject = await open(side, database.url);
      return {
        ...subject,
        async [Symbol.asyncDispose]() {
          await subject[Symbol.asyncDispose]();
          await database.drop();
        },
      };
    },
    [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
  };
}

async function openSide(side: Side, url: string): Promise<Subject> {
  if (side === "bare") return openBarePostgres(url, { isOrdered: false });
  return createToolkitSubject(await openPostgresEventStore({ url }));
}
