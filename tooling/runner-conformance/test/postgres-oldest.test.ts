import { describeRunners } from "@es/projections/conformance";
import { startPostgres } from "test-servers";
import { afterAll } from "vitest";
import { postgresOptions } from "../src/postgres.ts";

const server = await startPostgres({ version: "oldest" });
afterAll(() => server[Symbol.asyncDispose]());

describeRunners("the oldest PostgreSQL", postgresOptions(server.url, { url: server.url }));
