import { openPostgresEventStore } from "@es/store-postgres";
import { createDatabase, startPostgres } from "test-servers";
import { afterAll } from "vitest";
import { describeManagers } from "./describe-managers.ts";

const server = await startPostgres();
afterAll(() => server[Symbol.asyncDispose]());

// In transactions: each event and each time-out is handled exactly once.
describeManagers("PostgreSQL", async () => {
  const { url, drop } = await createDatabase(server);
  const store = await openPostgresEventStore({ url });
  return {
    place: { kind: "postgres", url },
    store,
    async [Symbol.asyncDispose]() {
      await store[Symbol.asyncDispose]();
      await drop();
    },
  };
});
