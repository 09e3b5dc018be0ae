import { randomUUID } from "node:crypto";
import pg from "pg";
import { openBareMemory } from "./bare-memory.ts";
import { type OrderLine, orderLineSchema } from "./order.ts";
import { PAGE_SIZE, type Subject } from "./subject.ts";
import { clearTotalsInPostgres, countTotalsInPostgres, saveTotalsInPostgres } from "./totals-postgres.ts";

/** A log that is an array, and a read model in PostgreSQL that is written page by page. */
export function openBareMemoryTotals(url: string): Subject {
  const subject = openBareMemory({ isCopying: false });
  const log: { readonly streamId: string; readonly data: OrderLine }[] = [];
  const pool = new pg.Pool({ connectionString: url, max: 1 });
  pool.on("error", () => undefined);
  return {
    ...subject,
    append(streamId, expected, events) {
      for (const { data } of events) log.push({ streamId, data: orderLineSchema.parse(data) });
      return subject.append(streamId, expected, events);
    },
    async projectTotals() {
      const client = await pool.connect();
      try {
        await clearTotalsInPostgres(client);
        const name = randomUUID();
        for (let from = 0; from < log.length; from += PAGE_SIZE) {
          await saveTotalsInPostgres(client, name, log.slice(from, from + PAGE_SIZE), String(from + PAGE_SIZE));
        }
        return await countTotalsInPostgres(client);
      } finally {
        client.release();
      }
    },
    [Symbol.asyncDispose]: () => pool.end(),
  };
}
