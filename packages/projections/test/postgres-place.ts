import { defineEvents, type EventStore } from "@es/core";
import { createMemoryEventStore } from "@es/store-memory";
import pg from "pg";
import { createDatabase, type PostgresServer } from "test-servers";
import {
  type CheckpointedSink,
  createPostgresSink,
  defineProjection,
  exactlyOnce,
  type PostgresTransaction,
} from "../src/index.ts";
import { accountEvents } from "./accounts.ts";

/** A store, and a database of its own for read models on a server that tests share. */
export interface PostgresPlace extends AsyncDisposable {
  readonly store: EventStore<unknown>;
  readonly sink: CheckpointedSink<PostgresTransaction>;
  readonly pool: pg.Pool;
  readonly url: string;
  read(): Promise<Record<string, string>>;
}

/** Makes a pool whose lost connections do not end the process. */
export function openPool(url: string, max = 4): pg.Pool {
  const pool = new pg.Pool({ connectionString: url, max });
  pool.on("error", () => undefined);
  return pool;
}

/** Makes an empty database with the table of {@link postgresBalances}. */
export async function openPostgresPlace(server: PostgresServer): Promise<PostgresPlace> {
  const database = await createDatabase(server);
  const pool = openPool(database.url);
  await pool.query("CREATE TABLE balances (stream text PRIMARY KEY, total int NOT NULL, events int NOT NULL)");
  return {
    store: createMemoryEventStore(),
    sink: createPostgresSink(pool),
    pool,
    url: database.url,
    async read() {
      const { rows } = await pool.query<{ stream: string; total: number; events: number }>(
        "SELECT * FROM balances ORDER BY stream",
      );
      return Object.fromEntries(rows.map(({ stream, total, events }) => [stream, `${total} of ${events}`]));
    },
    async [Symbol.asyncDispose]() {
      await pool.end();
      await database.drop();
    },
  };
}

/** Keeps sums and counts by stream, exactly once. */
export function postgresBalances(
  onEvent: (amount: number, tx: PostgresTransaction) => void | Promise<void> = () => undefined,
) {
  return defineProjection({
    name: "balances",
    events: defineEvents({ Deposited: accountEvents.schemas.Deposited }),
    delivery: exactlyOnce<PostgresTransaction>(),
    handlers: {
      Deposited: async ({ streamId, data }, { tx }) => {
        await tx.query(
          "INSERT INTO balances VALUES ($1, $2, 1) ON CONFLICT (stream) DO UPDATE SET total = balances.total + excluded.total, events = balances.events + 1",
          [streamId, data.amount],
        );
        await onEvent(data.amount, tx);
      },
    },
  });
}
