import { createMemoryEventStore } from "@es/store-memory";
import { openPostgresEventStore } from "@es/store-postgres";
import { createDatabase, startPostgres } from "test-servers";
import type { Backend, RunningBackend, Side } from "./backend.ts";
import { openBareMemoryTotals } from "./bare-memory-totals.ts";
import { openBarePostgres } from "./bare-postgres.ts";
import type { Subject } from "./subject.ts";
import { createToolkitSubject } from "./toolkit-subject.ts";
import { totalsIntoPostgres, withTotals } from "./toolkit-totals.ts";

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
  {
    ...COMMON,
    id: "memory-postgres",
    title: "Events in memory, read model in PostgreSQL: what the sink itself reaches",
    cases: /^fold-/,
    start: () => start(openMemorySide),
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
  const store = await openPostgresEventStore({ url });
  return withTotals(createToolkitSubject(store), totalsIntoPostgres(store, url));
}

async function openMemorySide(side: Side, url: string): Promise<Subject> {
  if (side === "bare") return openBareMemoryTotals(url);
  const store = createMemoryEventStore();
  return withTotals(createToolkitSubject(store), totalsIntoPostgres(store, url));
}
