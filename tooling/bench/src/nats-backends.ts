import { randomUUID } from "node:crypto";
import { openNatsEventStore } from "@es/store-nats";
import { startNats } from "test-servers";
import type { Backend, RunningBackend } from "./backend.ts";
import { openBareNats } from "./bare-nats.ts";
import { createToolkitSubject } from "./toolkit-subject.ts";

/** The NATS store, against the client below it. */
export const NATS_BACKENDS: readonly Backend[] = [
  {
    id: "nats",
    title: "NATS JetStream, one replica in files (acknowledged before it is synced)",
    timeEvery: 1,
    maxPerSlice: 20_000,
    cases: /^append-(1|8|32)-callers-batch-1$|-commits$|^project-|^live-/,
    start,
  },
];

/** A server of its own, with a stream of its own for each side. */
async function start(): Promise<RunningBackend> {
  const server = await startNats({ version: "newest", isPrivate: true });
  return {
    server: `nats-server ${server.version}`,
    open: async (side) =>
      side === "bare"
        ? await openBareNats(server.url)
        : createToolkitSubject(await openNatsEventStore({ servers: server.url, name: `t-${randomUUID()}` })),
    [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
  };
}
