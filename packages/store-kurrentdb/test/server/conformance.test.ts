import { describeEventStore } from "@es/store-conformance";
import { openKurrentDbEventStore } from "../../src/index.ts";
import { newName, serversUnderTest, TIMEOUT_MS } from "./under-test.ts";

for (const { label, connectionString, hasSeveralStreams, hasStreamChecks } of await serversUnderTest(["26.2"])) {
  const open = (name: string) => openKurrentDbEventStore({ connectionString, name, timeoutMs: TIMEOUT_MS });
  // All stores of this run are parts of one server.
  describeEventStore(`parts of ${label}`, {
    async open() {
      const name = newName();
      return { store: await open(name), openAgain: () => open(name) };
    },
    declares: {
      atomicStreams: hasSeveralStreams ? Number.POSITIVE_INFINITY : 1,
      conditions: hasStreamChecks ? "stream" : "none",
      transactions: false,
      shared: true,
      durability: "fsync",
    },
    timeoutScale: 4,
  });
}
