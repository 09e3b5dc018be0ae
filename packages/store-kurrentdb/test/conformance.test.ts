import { describeEventStore } from "@es/store-conformance";
import { startKurrentDouble } from "kurrentdb-double";
import { openKurrentDbEventStore } from "../src/index.ts";

describeEventStore("KurrentDB double", {
  async open() {
    const double = await startKurrentDouble();
    const open = () => openKurrentDbEventStore({ connectionString: double.connectionString });
    return { store: await open(), openAgain: open, close: () => double[Symbol.asyncDispose]() };
  },
  declares: {
    atomicStreams: Number.POSITIVE_INFINITY,
    conditions: "stream",
    transactions: false,
    shared: true,
    durability: "fsync",
  },
  timeoutScale: 3,
});
