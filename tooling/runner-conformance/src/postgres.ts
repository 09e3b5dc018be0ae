import { randomUUID } from "node:crypto";
import type { RunnerConformanceOptions } from "@es/projections/conformance";
import { openPostgresEventStore, type PostgresEventStoreOptions } from "@es/store-postgres";
import pg from "pg";

/** Runners over PostgreSQL, each time in a schema of its own. The server is the one that keeps the schemas, whatever `options` connect to. */
export function postgresOptions(serverUrl: string, options: PostgresEventStoreOptions): RunnerConformanceOptions {
  return {
    declares: { transactions: true, shared: true, durability: "fsync" },
    open: async () => {
      const schema = `r${randomUUID().replaceAll("-", "")}`;
      const open = () => openPostgresEventStore({ ...options, schema });
      const store = await open();
      return {
        store,
        openAgain: open,
        transaction: (work) => store.transaction(work),
        async close() {
          const client = new pg.Client({ connectionString: serverUrl });
          await client.connect();
          await client.query(`DROP SCHEMA "${schema}" CASCADE`);
          await client.end();
        },
      };
    },
    timeoutScale: 2,
  };
}
