import { randomUUID } from "node:crypto";
import { type ConformanceOptions, describeEventStore } from "@es/store-conformance";
import { startNatsCluster } from "test-servers";
import { afterAll } from "vitest";
import { openNatsEventStore } from "../src/index.ts";

type Opened = Awaited<ReturnType<ConformanceOptions["open"]>>;

/** A stream with replicas takes a second or more until it has a leader, so stores for the next cases are opened ahead. */
const AHEAD = 12;

const cluster = await startNatsCluster({ version: "newest" });
const ahead: Promise<Opened>[] = Array.from({ length: AHEAD }, openOne);

afterAll(async () => {
  const opened = await Promise.allSettled(ahead);
  for (const one of opened) if (one.status === "fulfilled") await one.value.store[Symbol.asyncDispose]();
  await cluster[Symbol.asyncDispose]();
});

describeEventStore(`NATS ${cluster.version}, three replicas`, {
  open: async () => {
    ahead.push(openOne());
    return await (ahead.shift() ?? openOne());
  },
  declares: {
    conditions: "none",
    transactions: false,
    shared: true,
    durability: "replicated",
    atomicStreams: Number.POSITIVE_INFINITY,
  },
  timeoutScale: 6,
});

async function openOne(): Promise<Opened> {
  const name = `t-${randomUUID()}`;
  const open = () => openNatsEventStore({ servers: cluster.urls, name, replicas: 3, timeoutMs: 30_000 });
  return { store: await open(), openAgain: open };
}
