import type { PoolClient } from "pg";
import { foldPage, type Total, totalKey } from "./totals.ts";
import type { TotalsTable } from "./totals-projection.ts";
import type { OrderLine } from "./order.ts";

/** The read model, and the checkpoint of the bare side. */
const SCHEMA = `
  CREATE TABLE IF NOT EXISTS totals (key text PRIMARY KEY, events bigint NOT NULL, cents bigint NOT NULL);
  CREATE TABLE IF NOT EXISTS progress (name text PRIMARY KEY, position text NOT NULL);
  TRUNCATE totals;
`;

type Row = readonly [key: string, events: string, cents: string];

// As for the log: texts as the server sends them.
const RAW = { getTypeParser: () => (text: string) => text };

/** One statement each way for all rows of a page. The same on both sides. */
export const totalsInPostgres: TotalsTable<PoolClient> = {
  async load(keys, client) {
    const { rows } = await client.query<[...Row]>({
      name: "totals-load",
      text: "SELECT key, events, cents FROM totals WHERE key = ANY($1)",
      values: [keys],
      rowMode: "array",
      types: RAW,
    });
    return new Map<string, Total>(
      rows.map(([key, events, cents]) => [key, { events: Number(events), cents: Number(cents) }]),
    );
  },
  async save(rows, client) {
    const totals = [...rows.values()];
    await client.query({
      name: "totals-save",
      text:
        "INSERT INTO totals SELECT * FROM unnest($1::text[], $2::bigint[], $3::bigint[]) " +
        "ON CONFLICT (key) DO UPDATE SET events = excluded.events, cents = excluded.cents",
      values: [[...rows.keys()], totals.map(({ events }) => events), totals.map(({ cents }) => cents)],
    });
  },
};

/** Makes the tables, empty. */
export async function clearTotalsInPostgres(client: PoolClient): Promise<void> {
  await client.query(SCHEMA);
}

/** How many events the rows count. */
export async function countTotalsInPostgres(client: PoolClient): Promise<number> {
  const { rows } = await client.query<{ readonly events: number }>("SELECT sum(events)::int AS events FROM totals");
  return rows[0]?.events ?? 0;
}

/** A page of a hand-written projection: rows and checkpoint in one transaction. */
export async function saveTotalsInPostgres(
  client: PoolClient,
  name: string,
  page: readonly { readonly streamId: string; readonly data: OrderLine }[],
  position: string,
): Promise<void> {
  const changes = page.map((event) => ({ key: totalKey(event), data: event.data }));
  await client.query("BEGIN");
  const stored = await totalsInPostgres.load([...new Set(changes.map(({ key }) => key))], client);
  await totalsInPostgres.save(foldPage(changes, stored), client);
  await client.query({
    name: "progress",
    text: "INSERT INTO progress VALUES ($1, $2) ON CONFLICT (name) DO UPDATE SET position = excluded.position",
    values: [name, position],
  });
  await client.query("COMMIT");
}
