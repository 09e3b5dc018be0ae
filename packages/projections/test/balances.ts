import type { RecordedEvent } from "@es/core";
import type Database from "better-sqlite3";
import { defineProjection, type ExactlyOnce, exactlyOnce, type Projection } from "../src/index.ts";
import { accountEvents } from "./accounts.ts";

/** The part of a database that the projection below writes with. */
export interface BalanceDatabase {
  prepare(sql: string): { run(...params: unknown[]): unknown };
}

/** The table that the projection below keeps. Every handled event adds to it, so that a double shows. */
export function createBalances(database: Database.Database): void {
  database.exec("CREATE TABLE IF NOT EXISTS balances (stream TEXT PRIMARY KEY, total INTEGER, events INTEGER) STRICT");
}

/** Keeps sums and counts by stream, exactly once. */
export function balances(
  onEvent: (amount: number) => void | Promise<void> = () => undefined,
): Projection<ExactlyOnce<BalanceDatabase>> {
  return defineProjection({
    name: "balances",
    events: accountEvents,
    delivery: exactlyOnce<BalanceDatabase>(),
    types: ["Deposited"],
    handlers: {
      Deposited: async ({ streamId, data }, { tx }) => {
        tx.prepare(
          "INSERT INTO balances VALUES (?, ?, 1) ON CONFLICT (stream) DO UPDATE SET total = total + excluded.total, events = events + 1",
        ).run(streamId, data.amount);
        await onEvent(data.amount);
      },
    },
  });
}

/** What the table holds. */
export function readBalances(database: Database.Database): Record<string, string> {
  const rows = database
    .prepare<[], { stream: string; total: number; events: number }>("SELECT * FROM balances ORDER BY stream")
    .all();
  return Object.fromEntries(rows.map(({ stream, total, events }) => [stream, `${total} of ${events}`]));
}

/** What the table must hold: a fold of the log. */
export function foldBalances(log: readonly RecordedEvent[]): Record<string, string> {
  const sums = new Map<string, { total: number; events: number }>();
  for (const event of log) {
    const { type, data } = accountEvents.decode(event);
    if (type !== "Deposited") continue;
    const sum = sums.get(event.streamId) ?? { total: 0, events: 0 };
    sums.set(event.streamId, { total: sum.total + data.amount, events: sum.events + 1 });
  }
  const rows = [...sums].sort(([a], [b]) => (a < b ? -1 : 1));
  return Object.fromEntries(rows.map(([stream, { total, events }]) => [stream, `${total} of ${events}`]));
}
