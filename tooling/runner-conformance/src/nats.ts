import { randomUUID } from "node:crypto";
import type { RunnerConformanceOptions } from "@es/projections/conformance";
import { openNatsEventStore } from "@es/store-nats";

/** Runners over NATS, each time in a store of its own name; the server is thrown away with all of them. */
export function natsOptions(servers: string): RunnerConformanceOptions {
  return {
    declares: { transactions: false, shared: true, durability: "buffered" },
    open: async () => {
      const name = `r-${randomUUID()}`;
      const open = () => openNatsEventStore({ servers, name });
      return { store: await open(), openAgain: open };
    },
    timeoutScale: 3,
  };
}
