import { StoreCorruptError } from "@es/core";
import type { StoreNames } from "./names.ts";
import type { Ask } from "./refusal.ts";
import { statementOf } from "./statement.ts";

/**
 * Makes sure that the next position lies behind all events. A copy of the rows alone leaves the sequence where it was, as a dump
 * of the data of one table and logical replication do; new events would then stand where readers have passed by, and in a table
 * with partitions, which cannot have a unique index on the positions, beside others.
 *
 * @throws StoreCorruptError
 */
export async function assertSequenceAhead(ask: Ask, { events, sequence }: StoreNames): Promise<void> {
  // A position is drawn before its event can be seen, so the sequence is never behind what one statement sees.
  const statement = statementOf(
    `SELECT m.newest, s.last_value + s.is_called::int FROM (SELECT coalesce(max(position), 0) AS newest FROM ${events}) m, ${sequence} s`,
  );
  const [row] = await ask(statement, []);
  const [newest, next] = [Number(row?.[0]), Number(row?.[1])];
  if (next > newest) return;
  throw new StoreCorruptError(
    `the next position would be ${next}, but there is an event at ${newest}: the rows were copied without their sequence; while nobody appends, run SELECT setval('${sequence}', ${newest})`,
  );
}
