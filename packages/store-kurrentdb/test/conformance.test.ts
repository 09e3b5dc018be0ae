import { type ConformanceOptions, describeEventStore } from "@es/store-conformance";
import { startKurrentDouble } from "kurrentdb-double";
import { openKurrentDbEventStore } from "../src/index.ts";

/** A double of its own for each case: one that has everything. */
const open: ConformanceOptions["open"] = async () => {
  const double = await startKurrentDouble();
  const openStore = () => openKurrentDbEventStore({ connectionString: double.connectionString, timeoutMs: 15_000 });
  return { store: await openStore(), openAgain: openStore, close: () => double[Symbol.asyncDispose]() };
};

describeEventStore("a double of KurrentDB 26.1", {
  open,
  declares: {
    atomicStreams: Number.POSITIVE_INFINITY,
    conditions: "stream",
    transactions: false,
    shared: true,
    durability: "fsync",
  },
  timeoutScale: 3,
});
