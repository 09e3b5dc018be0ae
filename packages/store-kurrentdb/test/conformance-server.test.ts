import { randomUUID } from "node:crypto";
import { describeEventStore } from "@es/store-conformance";
import { startKurrentDouble } from "kurrentdb-double";
import { afterAll } from "vitest";
import { openKurrentDbEventStore } from "../src/index.ts";

// All stores of this run are parts of one server: a real one where KURRENTDB_URL says where it is, and a double otherwise.
const url = process.env["KURRENTDB_URL"];
const double = url === undefined ? await startKurrentDouble({ features: { appendRecords: false } }) : undefined;
const connectionString = url ?? double?.connectionString ?? "";
afterAll(async () => {
  await double?.[Symbol.asyncDispose]();
});

function open(name: string) {
  return openKurrentDbEventStore({ connectionString, name, timeoutMs: 15_000 });
}

const probe = await open("probe");
const { atomicStreams, conditions } = probe.capabilities;
await probe[Symbol.asyncDispose]();

describeEventStore(url === undefined ? "parts of one double" : "parts of the server at KURRENTDB_URL", {
  async open() {
    const name = `t_${randomUUID().replaceAll("-", "")}`;
    return { store: await open(name), openAgain: () => open(name) };
  },
  declares: { atomicStreams, conditions, transactions: false, shared: true, durability: "fsync" },
  timeoutScale: 4,
});
