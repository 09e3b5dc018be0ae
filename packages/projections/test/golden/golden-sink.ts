import { readFile } from "node:fs/promises";
import { allEvents, type EventStore } from "@es/core";
import { createMemoryEventStore } from "@es/store-memory";
import { expect } from "vitest";
import { type CheckpointedSink, createProjectionRunner, defineProjection, exactlyOnce } from "../../src/index.ts";
import { accountEvents, deposit } from "../accounts.ts";

/** A row of the table of a sink. */
export interface SinkRow {
  readonly key: string;
  readonly value: string | null;
  readonly revision: number;
}

/** A table as the first release wrote it, for a store of which two events were handled. Later ones must go on reading it. */
export async function goldenTable(name: string, store: EventStore<unknown>): Promise<string> {
  const text = await readFile(new URL(name, import.meta.url), "utf8");
  return text.replaceAll("STORE", await store.identity()).replaceAll("EVENT", await secondEvent(store));
}

/** A store with what the golden tables speak of. */
export async function goldenStore(): Promise<EventStore<unknown>> {
  const store = createMemoryEventStore();
  await deposit(store, "a-1", 1, 2);
  return store;
}

async function secondEvent(store: EventStore<unknown>): Promise<string> {
  for await (const { id, version } of allEvents(store)) if (version === 2) return id;
  throw new Error("the store has no second event");
}

/** Handles what a store holds and comes to hold. @returns the versions that were handled */
async function run(store: EventStore<unknown>, sink: CheckpointedSink<unknown>): Promise<readonly number[]> {
  const versions: number[] = [];
  const projection = defineProjection({
    name: "golden",
    events: accountEvents,
    delivery: exactlyOnce<unknown>(),
    batch: (events) => void versions.push(...events.map(({ version }) => version)),
  });
  await using runner = createProjectionRunner(projection, { store, sink, pageSize: 1 });
  await runner.start();
  await runner.waitFor(await store.head());
  return versions;
}

/** Expects that a sink goes on from a golden table. */
export async function expectGoesOn(store: EventStore<unknown>, sink: CheckpointedSink<unknown>): Promise<void> {
  await deposit(store, "a-1", 4);

  expect(await run(store, sink)).toStrictEqual([3]);
  expect(await sink.registers.get("gone")).toBeUndefined();
  expect(await sink.registers.set("gone", "again", { expected: 0 })).toBe(4);
}

/** Does with a new sink what the golden tables are the result of, and expects the same rows. */
export async function expectSameRows(sink: CheckpointedSink<unknown>, rows: () => Promise<readonly SinkRow[]>): Promise<void> {
  const store = await goldenStore();
  await sink.registers.set("gone", "1");
  await sink.registers.set("gone", "2");
  await sink.registers.delete("gone");
  await run(store, sink);
  // Once more for those that are written by another runner.
  await run(store, sink);
  await run(store, sink);

  const [format, checkpoint, gone] = await rows();
  expect(format).toStrictEqual({ key: "", value: "1", revision: 0 });
  expect(gone).toStrictEqual({ key: "gone", value: null, revision: 3 });
  expect(checkpoint).toStrictEqual({ key: "checkpoint:golden", value: expect.any(String), revision: 5 });
  const golden = goldenCheckpoint(await goldenTable("sqlite-sink.sql", store));
  const written: unknown = JSON.parse(checkpoint?.value ?? "");
  expect(written).toStrictEqual({ ...Object(JSON.parse(golden)), runner: expect.any(String) });
  // The order of the members too: a checkpoint is recognised by its text.
  expect(withoutRunner(checkpoint?.value ?? "")).toBe(withoutRunner(golden));
}

function goldenCheckpoint(table: string): string {
  return /'(\{.*\})'/.exec(table)?.[1] ?? "";
}

function withoutRunner(text: string): string {
  return text.replace(/"runner":"[^"]*"/, "");
}
