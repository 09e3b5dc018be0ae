import { describeRunners } from "@es/projections/conformance";
import { startNats } from "test-servers";
import { afterAll } from "vitest";
import { natsOptions } from "../src/nats.ts";

const server = await startNats({ version: "newest" });
afterAll(() => server[Symbol.asyncDispose]());

describeRunners(`NATS ${server.version}`, natsOptions(server.url));
