import { describeEventStore } from "@es/store-conformance";
import { startPgBouncer, startPostgres } from "test-servers";
import { afterAll } from "vitest";
import { declares, once, openSchema } from "./open-schema.ts";

const server = once(() => startPostgres({ version: "newest" }));
const bouncer = once(async () => startPgBouncer({ upstreamUrl: (await server.get()).url, poolMode: "transaction" }));
afterAll(async () => {
  await bouncer.stop();
  await server.stop();
});

describeEventStore("the newest PostgreSQL", {
  open: async () => {
    const { url } = await server.get();
    return openSchema(url, { url, writeConnections: 1 });
  },
  declares: { ...declares, conditions: "none", wakeUp: "push" },
});

describeEventStore("the newest PostgreSQL behind PgBouncer, with tags", {
  open: async () => {
    const { url } = await bouncer.get();
    return openSchema((await server.get()).url, { url, prepared: false, listen: false, tags: true });
  },
  declares: { ...declares, conditions: "query", wakeUp: "poll" },
  timeoutScale: 2,
});
