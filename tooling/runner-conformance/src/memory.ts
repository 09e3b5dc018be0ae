import type { RunnerConformanceOptions } from "@es/projections/conformance";
import { createMemoryEventStore } from "@es/store-memory";

/** Runners over the memory store. */
export const memoryOptions: RunnerConformanceOptions = {
  open: async () => ({ store: createMemoryEventStore() }),
  declares: { transactions: false, shared: false, durability: "none" },
};
