import { type ConformanceOptions, describeEventStore } from "@es/store-conformance";
import { startKurrentDouble } from "kurrentdb-double";
import { openKurrentDbEventStore } from "../src/index.ts";

/** A double of its own for each case, with the store in a part of it that has a name. */
const open: ConformanceOptions["open"] = async () => {
  const double = await startKurrentDouble({ personality: "24.10" });
  const { connectionString } = double;
  const openStore = () => openKurrentDbEventStore({ connectionString, name: "shop", timeoutMs: 15_000 });
  return { store: await openStore(), openAgain: openStore, close: () => double[Symbol.asyncDispose]() };
};

describeEventStore("a part of a double of KurrentDB 24.10", {
  open,
  declares: { atomicStreams: 1, conditions: "none", transactions: false, shared: true, durability: "fsync" },
  timeoutScale: 3,
});
