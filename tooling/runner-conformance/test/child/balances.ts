import { defineEvents, type EventStore } from "@es/core";
import {
  defineProjection,
  type ExactlyOnce,
  exactlyOnce,
  type PostgresTransaction,
  type Projection,
} from "@es/projections";
import type Database from "better-sqlite3";
import * as z from "zod";

const accountEvents = defineEvents({ Deposited: z.object({ amount: z.number() }) });

/** The table, in either database. Every handled event adds to it, so that a double shows. */
export const BALANCES_SQL =
  "CREATE TABLE IF NOT EXISTS balances (stream text PRIMARY KEY, total integer, events integer)";

const UPSERT =
  "ON CONFLICT (stream) DO UPDATE SET total = balances.total + excluded.total, events = balances.events + 1";

/** Sums and counts by stream, in the database of the events. */
export function postgresBalances(): Projection<ExactlyOnce<PostgresTransaction>> {
  return defineProjection({
    name: "balances",
    events: accountEvents,
    delivery: exactlyOnce<PostgresTransaction>(),
    handlers: {
      Deposited: async ({ streamId, data }, { tx }) => {
        await tx.query(`INSERT INTO balances VALUES ($1, $2, 1) ${UPSERT}`, [streamId, data.amount]);
      },
    },
  });
}

/** Sums and counts by stream, in a SQLite file. */
export function sqliteBalances(): Projection<ExactlyOnce<Pick<Database.Database, "prepare">>> {
  return defineProjection({
    name: "balances",
    events: accountEvents,
    delivery: exactlyOnce<Pick<Database.Database, "prepare">>(),
    handlers: {
      Deposited: ({ streamId, data }, { tx }) => {
        tx.prepare(`INSERT INTO balances VALUES (?, ?, 1) ${UPSERT}`).run(streamId, data.amount);
      },
    },
  });
}

/** A row of the table. */
export interface BalanceRow {
  readonly stream: string;
  readonly total: number;
  readonly events: number;
}

/** What the table holds, in words. */
export function balancesOf(rows: readonly BalanceRow[]): Readonly<Record<string, string>> {
  return Object.fromEntries(
    rows
      .map(({ stream, total, events }) => [stream, `${total} of ${events}`] as const)
      .toSorted(([a], [b]) => (a < b ? -1 : 1)),
  );
}

/** What the table must hold: a fold of the log. */
export async function foldBalances(store: EventStore<unknown>): Promise<Readonly<Record<string, string>>> {
  const rows = new Map<string, BalanceRow>();
  for await (const page of store.readAll()) {
    for (const event of page.events) {
      const { data, streamId } = accountEvents.decode(event);
      const { total, events } = rows.get(streamId) ?? { total: 0, events: 0 };
      rows.set(streamId, { stream: streamId, total: total + data.amount, events: events + 1 });
    }
  }
  return balancesOf([...rows.values()]);
}

/** Appends deposits over several streams and returns the head. */
export async function deposit(store: EventStore<unknown>, count: number): Promise<string> {
  let position = "";
  for (let n = 0; n < count; n += 1) {
    const events = [{ type: "Deposited", data: { amount: n + 1 } }];
    ({ position } = await store.append({ streamId: `account-${n % 7}`, expected: "any", events }));
  }
  return position;
}
