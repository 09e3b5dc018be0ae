import { join } from "node:path";
import type { EventStore } from "@es/core";
import { createMemoryEventStore } from "@es/store-memory";
import { openPostgresEventStore } from "@es/store-postgres";
import { openSqliteEventStore } from "@es/store-sqlite";
import { createDatabase, startPostgres } from "test-servers";
import { countProjected } from "./count-projected.ts";

/** Where a long log is. */
interface FlatPlace extends AsyncDisposable {
  readonly server: string | null;
  readonly writer: EventStore<unknown>;
  /** A reader that has not written the log, where there can be one. */
  openReader(): Promise<EventStore<unknown>>;
}

/** A way of going through a long log. */
export interface FlatCase {
  readonly id: string;
  readonly title: string;
  /** Whether the log is in the heap, and does not count. */
  readonly isLogInHeap: boolean;
  open(directory: string): Promise<FlatPlace>;
  /** Tells after each event, or page, how many events were met. @returns how many that were */
  replay(store: EventStore<unknown>, onCount: (count: number) => void): Promise<number>;
}

/** Pages, and runners that count. */
export const FLAT_CASES: readonly FlatCase[] = [
  { id: "sqlite-read", title: "SQLite NORMAL, readAll", isLogInHeap: false, open: openSqlite, replay: readAll },
  {
    id: "sqlite-projection",
    title: "SQLite NORMAL, a projection",
    isLogInHeap: false,
    open: openSqlite,
    replay: countProjected,
  },
  {
    id: "memory-projection",
    title: "Memory, a projection; heap beside the log",
    isLogInHeap: true,
    open: openMemory,
    replay: countProjected,
  },
  {
    id: "postgres-projection",
    title: "PostgreSQL, a projection",
    isLogInHeap: false,
    open: openPostgres,
    replay: countProjected,
  },
];

async function readAll(store: EventStore<unknown>, onCount: (count: number) => void): Promise<number> {
  let count = 0;
  for await (const page of store.readAll()) {
    count += page.events.length;
    onCount(count);
  }
  return count;
}

async function openSqlite(directory: string): Promise<FlatPlace> {
  const open = (): Promise<EventStore<unknown>> =>
    openSqliteEventStore({ path: join(directory, "events.db"), synchronous: "NORMAL" });
  const writer = await open();
  return { server: null, writer, openReader: open, [Symbol.asyncDispose]: () => writer[Symbol.asyncDispose]() };
}

async function openMemory(): Promise<FlatPlace> {
  const writer = createMemoryEventStore();
  return {
    server: null,
    writer,
    openReader: async () => writer,
    // The reader is the same, and closes it.
    [Symbol.asyncDispose]: async () => undefined,
  };
}

async function openPostgres(): Promise<FlatPlace> {
  const server = await startPostgres({ version: "newest", isPrivate: true });
  const { url } = await createDatabase(server);
  const writer = await openPostgresEventStore({ url });
  return {
    server: `PostgreSQL ${server.version}`,
    writer,
    openReader: () => openPostgresEventStore({ url }),
    async [Symbol.asyncDispose]() {
      await writer[Symbol.asyncDispose]();
      await server[Symbol.asyncDispose]();
    },
  };
}
