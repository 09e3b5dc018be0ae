import { randomUUID } from "node:crypto";
import { describeEventStore, type OpenedStore } from "@es/store-conformance";
import pg from "pg";
import { type PostgresServer, startPostgres } from "test-servers";
import { afterAll } from "vitest";
import { openPostgresEventStore, type PostgresCommonOptions, type PostgresEventStore } from "../src/index.ts";

const declares = {
  atomicStreams: Number.POSITIVE_INFINITY,
  transactions: true,
  shared: true,
  durability: "fsync",
} as const;

let server: Promise<PostgresServer> | undefined;

function startOnce(): Promise<PostgresServer> {
  server ??= startPostgres();
  return server;
}

afterAll(async () => {
  await (await server)?.[Symbol.asyncDispose]();
});

async function dropSchema(url: string, schema: string): Promise<void> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  await client.query(`DROP SCHEMA "${schema}" CASCADE`);
  await client.end();
}

async function openSchema(options: PostgresCommonOptions): Promise<OpenedStore> {
  const { url } = await startOnce();
  const schema = `s${randomUUID().replaceAll("-", "")}`;
  const open = (): Promise<PostgresEventStore> => openPostgresEventStore({ url, schema, ...options });
  const store = await open();
  return {
    store,
    openAgain: open,
    transaction: (work) => store.transaction(work),
    close: () => dropSchema(url, schema),
  };
}

describeEventStore("PostgreSQL", {
  open: () => openSchema({}),
  declares: { ...declares, conditions: "none", wakeUp: "push" },
});

describeEventStore("PostgreSQL with tags", {
  open: () => openSchema({ tags: true }),
  declares: { ...declares, conditions: "query", wakeUp: "push" },
});
