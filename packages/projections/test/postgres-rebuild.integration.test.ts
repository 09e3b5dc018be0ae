import { type PostgresServer, startPostgres } from "test-servers";
import { afterAll, beforeAll, expect, it } from "vitest";
import {
  createProjectionRunner,
  defineProjection,
  dropProjection,
  type ExactlyOnce,
  type ExactlyOnceRebuildOptions,
  exactlyOnce,
  type PostgresTransaction,
  type Projection,
  rebuildProjection,
} from "../src/index.ts";
import { accountEvents, deposit } from "./accounts.ts";
import { openPostgresPlace, type PostgresPlace } from "./postgres-place.ts";

let server: PostgresServer;

beforeAll(async () => {
  server = await startPostgres();
}, 120_000);

afterAll(async () => {
  await server[Symbol.asyncDispose]();
});

/** A version that multiplies amounts, so that versions can be told apart. */
function version(number: number): Projection<ExactlyOnce<PostgresTransaction>> {
  return defineProjection({
    name: `totals-v${number}`,
    events: accountEvents,
    types: ["Deposited"],
    delivery: exactlyOnce<PostgresTransaction>(),
    handlers: {
      Deposited: async ({ streamId, data }, { tx }) => {
        await tx.query(
          `INSERT INTO totals_v${number} AS t VALUES ($1, $2, 1) ON CONFLICT (stream) DO UPDATE SET total = t.total + excluded.total, events = t.events + 1`,
          [streamId, data.amount * number],
        );
      },
    },
  });
}

function options(place: PostgresPlace, number: number): ExactlyOnceRebuildOptions<PostgresTransaction> {
  return {
    readModel: "totals",
    store: place.store,
    sink: place.sink,
    pageSize: 20,
    prepare: async (tx) => {
      await tx.query(`CREATE TABLE totals_v${number} (stream text PRIMARY KEY, total int, events int)`);
    },
    activate: async (tx) => {
      await tx.query(`CREATE OR REPLACE VIEW totals AS SELECT * FROM totals_v${number}`);
    },
  };
}

it("switches readers of a view in PostgreSQL while events come and the old version runs", async () => {
  await using place = await openPostgresPlace(server);
  await rebuildProjection(version(1), options(place, 1));
  await using old = createProjectionRunner(version(1), { ...place, pageSize: 5 });
  await old.start();
  await old.waitFor(await deposit(place.store, "a-1", ...Array.from({ length: 200 }, () => 1)));
  let isOver = false;
  const seen: string[] = [];
  let newest = 0;
  const reading = (async () => {
    while (!isOver) {
      const { rows } = await place.pool.query<{ events: number; total: number }>(
        "SELECT coalesce(sum(events), 0)::int AS events, coalesce(sum(total), 0)::int AS total FROM totals",
      );
      const { events = 0, total = 0 } = rows[0] ?? {};
      seen.push(total === events ? "old" : total === 3 * events ? "new" : `half: ${total} of ${events}`);
      expect(events).toBeGreaterThanOrEqual(newest);
      newest = events;
    }
  })();
  const writing = (async () => {
    for (let n = 0; !isOver; n += 1) {
      await deposit(place.store, `a-${n % 7}`, 1);
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
  })();

  await rebuildProjection(version(3), options(place, 3));
  await using runner = createProjectionRunner(version(3), place);
  await runner.start();
  while (seen.at(-1) === "old") await new Promise((resolve) => setTimeout(resolve, 5));
  isOver = true;
  await Promise.all([reading, writing]);
  await runner.waitFor(await place.store.head());

  expect([...new Set(seen)]).toStrictEqual(["old", "new"]);
  await expect(old.done).rejects.toMatchObject({ code: "ES_PROJECTION_REPLACED" });
  const remove = async (tx: PostgresTransaction): Promise<void> => void (await tx.query("DROP TABLE totals_v1"));
  expect(await dropProjection(place.sink, "totals-v1", { remove })).toBe(true);
  const { rows } = await place.pool.query("SELECT to_regclass('totals_v1') AS old");
  expect(rows).toStrictEqual([{ old: null }]);
});
