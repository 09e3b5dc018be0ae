import { randomUUID } from "node:crypto";
import type { OpenedStore } from "@es/store-conformance";
import pg from "pg";
import {
  openPostgresEventStore,
  type PostgresEventStore,
  type PostgresEventStoreOptions,
  postgresSchemaSql,
} from "../src/index.ts";

/** A store in a schema of its own, for the conformance kit. */
export async function openSchema(
  url: string,
  options: PostgresEventStoreOptions,
  { partitions }: { readonly partitions?: number } = {},
): Promise<OpenedStore> {
  const schema = `s${randomUUID().replaceAll("-", "")}`;
  if (partitions !== undefined)
    await runSql(url, postgresSchemaSql({ schema, partitions, tags: options.tags ?? false }));
  const open = (): Promise<PostgresEventStore> => openPostgresEventStore({ ...options, schema });
  const store = await open();
  return {
    store,
    openAgain: open,
    transaction: (work) => store.transaction(work),
    close: () => runSql(url, `DROP SCHEMA "${schema}" CASCADE`),
  };
}

async function runSql(url: string, sql: string): Promise<void> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    await client.query(sql);
  } finally {
    await client.end();
  }
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
