import { describeEventStore } from "@es/store-conformance";
import pg from "pg";
import { startPostgres } from "test-servers";
import { afterAll } from "vitest";
import { declares, once, openSchema } from "./open-schema.ts";

const server = once(() => startPostgres({ version: "oldest" }));
afterAll(() => server.stop());

describeEventStore("the oldest PostgreSQL", {
  open: async () => {
    const { url } = await server.get();
    return openSchema(url, { url });
  },
  declares: { ...declares, conditions: "none", wakeUp: "push" },
});

describeEventStore("the oldest PostgreSQL, with tags", {
  open: async () => {
    const { url } = await server.get();
    return openSchema(url, { url, tags: true });
  },
  declares: { ...declares, conditions: "query", wakeUp: "push" },
});

describeEventStore("the oldest PostgreSQL, over a pool of the caller", {
  open: async () => {
    const { url } = await server.get();
    const pool = new pg.Pool({ connectionString: url, max: 8 });
    const opened = await openSchema(url, { pool });
    return {
      ...opened,
      async close() {
        await opened.close?.();
        await pool.end();
      },
    };
  },
  declares: { ...declares, conditions: "none", wakeUp: "poll" },
});

describeEventStore("the oldest PostgreSQL, with partitions and tags", {
  open: async () => {
    const { url } = await server.get();
    return openSchema(url, { url, tags: true, migrate: false }, { partitions: 4 });
  },
  declares: { ...declares, conditions: "query", wakeUp: "push" },
});
