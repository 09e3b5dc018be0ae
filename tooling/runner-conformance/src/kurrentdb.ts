import type { RunnerConformanceOptions } from "@es/projections/conformance";
import { openKurrentDbEventStore } from "@es/store-kurrentdb";
import { startKurrentDouble } from "kurrentdb-double";

/** Runners over KurrentDB, each time on a double of its own. */
export const kurrentDbOptions: RunnerConformanceOptions = {
  declares: { transactions: false, shared: true, durability: "fsync" },
  open: async () => {
    const double = await startKurrentDouble();
    const open = () => openKurrentDbEventStore({ connectionString: double.connectionString, timeoutMs: 15_000 });
    return { store: await open(), openAgain: open, close: () => double[Symbol.asyncDispose]() };
  },
  timeoutScale: 3,
};
