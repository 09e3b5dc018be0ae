import { describeRunners } from "@es/projections/conformance";
import { startPgBouncer, startPostgres } from "test-servers";
import { afterAll } from "vitest";
import { postgresOptions } from "../src/postgres.ts";

const server = await startPostgres({ version: "newest" });
const bouncer = await startPgBouncer({ upstreamUrl: server.url, poolMode: "transaction" });
afterAll(async () => {
  await bouncer[Symbol.asyncDispose]();
  await server[Symbol.asyncDispose]();
});

describeRunners("the newest PostgreSQL", postgresOptions(server.url, { url: server.url }));
describeRunners(
  "the newest PostgreSQL behind PgBouncer, with tags",
  postgresOptions(server.url, { url: bouncer.url, prepared: false, listen: false, tags: true }),
);
