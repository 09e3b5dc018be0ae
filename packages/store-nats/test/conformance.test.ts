import { randomUUID } from "node:crypto";
import { type ConformanceOptions, describeEventStore } from "@es/store-conformance";
import { startNats } from "test-servers";
import { afterAll } from "vitest";
import { openNatsEventStore } from "../src/index.ts";

const oldest = await startNats({ version: "oldest" });
const newest = await startNats({ version: "newest" });
afterAll(async () => {
  await Promise.all([oldest, newest].map((server) => server[Symbol.asyncDispose]()));
});

/** A store of its own name for each case; the server is thrown away with all of them. */
function openOn(servers: string): ConformanceOptions["open"] {
  return async () => {
    const name = `t-${randomUUID()}`;
    const open = () => openNatsEventStore({ servers, name });
    return { store: await open(), openAgain: open };
  };
}

const declares = { conditions: "none", transactions: false, shared: true, durability: "buffered" } as const;

describeEventStore(`NATS ${oldest.version}`, {
  open: openOn(oldest.url),
  declares: { ...declares, atomicStreams: 1 },
  timeoutScale: 3,
});

describeEventStore(`NATS ${newest.version}`, {
  open: openOn(newest.url),
  declares: { ...declares, atomicStreams: Number.POSITIVE_INFINITY },
  timeoutScale: 3,
});
