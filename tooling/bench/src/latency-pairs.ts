import { randomUUID } from "node:crypto";
import { join } from "node:path";
import type { EventStore } from "@es/core";
import { openKurrentDbEventStore } from "@es/store-kurrentdb";
import { createMemoryEventStore } from "@es/store-memory";
import { openNatsEventStore } from "@es/store-nats";
import { openPostgresEventStore } from "@es/store-postgres";
import { openSqliteEventStore } from "@es/store-sqlite";
import { startKurrentDoubleProcess } from "kurrentdb-double";
import { createDatabase, startNats, startPostgres } from "test-servers";
import type { Side } from "./backend.ts";
import { openBareKurrentDb } from "./bare-kurrentdb.ts";
import { openBareNats } from "./bare-nats.ts";
import { openBarePostgres } from "./bare-postgres.ts";
import { openBareSqlite } from "./bare-sqlite.ts";
import { followProjected } from "./follow-projected.ts";
import type { Subject } from "./subject.ts";

/** One side: a writer, and a reader that tells of each event. */
export interface Followed extends AsyncDisposable, Pick<Subject, "append"> {
  /** Resolves when it is at the head and waits. Called once. */
  follow(onEvent: (id: string) => void): Promise<void>;
}

/** What may be running on both sides. */
interface RunningPair extends AsyncDisposable {
  readonly server: string | null;
  /** Opens a side, empty; `null` where there is no bare equivalent. */
  open(side: Side, directory: string): Promise<Followed | null>;
}

/** A store whose live projection is timed, and what a program without the toolkit would do. */
export interface LatencyPair {
  readonly id: string;
  readonly title: string;
  start(): Promise<RunningPair>;
}

const inProcess = (open: RunningPair["open"]) => async (): Promise<RunningPair> => ({
  server: null,
  open,
  [Symbol.asyncDispose]: async () => undefined,
});

/** The reader has an instance of its own wherever another process could have one. */
export const LATENCY_PAIRS: readonly LatencyPair[] = [
  {
    id: "memory",
    title: "Memory",
    start: inProcess(async (side) => {
      const store = createMemoryEventStore();
      return side === "bare" ? null : projected(store, store);
    }),
  },
  {
    id: "sqlite-same",
    title: "SQLite FULL, one instance",
    start: inProcess(async (side, directory) => {
      if (side === "bare") return null;
      const store = await openSqliteEventStore({ path: join(directory, "events.db") });
      return projected(store, store);
    }),
  },
  {
    id: "sqlite",
    title: "SQLite FULL, two instances, a look every 10 ms",
    start: inProcess(async (side, directory) => {
      const path = join(directory, "events.db");
      if (side === "bare") return followed(openBareSqlite(path, "FULL"));
      return projected(await openSqliteEventStore({ path }), await openSqliteEventStore({ path }));
    }),
  },
  { id: "postgres", title: "PostgreSQL, two instances", start: startPostgresPair },
  { id: "nats", title: "NATS JetStream, two instances", start: startNatsPair },
  { id: "kurrentdb", title: "KurrentDB's client on the double, two instances", start: startKurrentPair },
];

async function startPostgresPair(): Promise<RunningPair> {
  const server = await startPostgres({ version: "newest", isPrivate: true });
  return {
    server: `PostgreSQL ${server.version}`,
    async open(side) {
      const { url, drop } = await createDatabase(server);
      const opened =
        side === "bare"
          ? followed(await openBarePostgres(url, { isOrdered: false }))
          : projected(await openPostgresEventStore({ url }), await openPostgresEventStore({ url }));
      return and(opened, drop);
    },
    [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
  };
}

async function startNatsPair(): Promise<RunningPair> {
  const server = await startNats({ version: "newest", isPrivate: true });
  return {
    server: `nats-server ${server.version}`,
    async open(side) {
      if (side === "bare") return followed(await openBareNats(server.url));
      const options = { servers: server.url, name: `t-${randomUUID()}` };
      return projected(await openNatsEventStore(options), await openNatsEventStore(options));
    },
    [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
  };
}

async function startKurrentPair(): Promise<RunningPair> {
  return {
    server: "a double of KurrentDB 26.1",
    async open(side) {
      const double = await startKurrentDoubleProcess();
      const { connectionString } = double;
      const opened =
        side === "bare"
          ? followed(await openBareKurrentDb(connectionString))
          : projected(
              await openKurrentDbEventStore({ connectionString }),
              await openKurrentDbEventStore({ connectionString }),
            );
      return and(opened, () => double[Symbol.asyncDispose]());
    },
    [Symbol.asyncDispose]: async () => undefined,
  };
}

function projected(writer: EventStore<unknown>, reader: EventStore<unknown>): Followed {
  let following: AsyncDisposable | undefined;
  return {
    append: (streamId, expected, events) => writer.append({ streamId, expected, events }),
    async follow(onEvent) {
      following = await followProjected(reader, onEvent);
    },
    async [Symbol.asyncDispose]() {
      await following?.[Symbol.asyncDispose]();
      await reader[Symbol.asyncDispose]();
      if (writer !== reader) await writer[Symbol.asyncDispose]();
    },
  };
}

function followed(subject: Subject): Followed {
  return {
    append: (streamId, expected, events) => subject.append(streamId, expected, events),
    follow: async (onEvent) => subject.follow?.(onEvent),
    [Symbol.asyncDispose]: () => Promise.resolve(subject[Symbol.asyncDispose]()),
  };
}

function and(opened: Followed, close: () => Promise<unknown>): Followed {
  return {
    append: (streamId, expected, events) => opened.append(streamId, expected, events),
    follow: (onEvent) => opened.follow(onEvent),
    async [Symbol.asyncDispose]() {
      await opened[Symbol.asyncDispose]();
      await close();
    },
  };
}
