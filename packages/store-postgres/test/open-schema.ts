import { randomUUID } from "node:crypto";
import type { OpenedStore } from "@es/store-conformance";
import pg from "pg";
import { openPostgresEventStore, type PostgresEventStore, type PostgresEventStoreOptions } from "../src/index.ts";

/** A store in a schema of its own, for the conformance kit. */
export async function openSchema(url: string, options: PostgresEventStoreOptions): Promise<OpenedStore> {
  const schema = `s${randomUUID().replaceAll("-", "")}`;
  const open = (): Promise<PostgresEventStore> => openPostgresEventStore({ ...options, schema });
  const store = await open();
  return {
    store,
    openAgain: open,
    transaction: (work) => store.transaction(work),
    async close() {
      const client = new pg.Client({ connectionString: url });
      await client.connect();
      await client.query(`DROP SCHEMA "${schema}" CASCADE`);
      await client.end();
    },
  };
}

/** What every mode of the store does. */
export const declares = {
  atomicStreams: Number.POSITIVE_INFINITY,
  transactions: true,
  shared: true,
  durability: "fsync",
} as const;

/** Starts something once, when it is first asked for. */
export function once<Thing extends AsyncDisposable>(
  start: () => Promise<Thing>,
): { get(): Promise<Thing>; stop(): Promise<void> } {
  let started: Promise<Thing> | undefined;
  return {
    get() {
      started ??= start();
      return started;
    },
    async stop() {
      await (await started)?.[Symbol.asyncDispose]();
    },
  };
}
