import { openPostgresEventStore } from "@es/store-postgres";
import pg from "pg";
import { createDatabase, startPostgres } from "test-servers";
import { afterAll } from "vitest";
import { BALANCES_SQL, type BalanceRow, balancesOf } from "./child/balances.ts";
import { describeProcesses } from "./describe-processes.ts";

const server = await startPostgres();
afterAll(() => server[Symbol.asyncDispose]());

describeProcesses("PostgreSQL", async () => {
  const { url, drop } = await createDatabase(server);
  const store = await openPostgresEventStore({ url });
  const view = new pg.Client({ connectionString: url });
  await view.connect();
  await view.query(BALANCES_SQL);
  return {
    place: { kind: "postgres", url },
    store,
    read: async () => balancesOf((await view.query<BalanceRow>("SELECT * FROM balances")).rows),
    async [Symbol.asyncDispose]() {
      await view.end();
      await store[Symbol.asyncDispose]();
      await drop();
    },
  };
});
