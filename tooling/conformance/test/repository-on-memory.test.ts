import {
  aesGcmCodec,
  createAesGcmKey,
  createRepository,
  defineAggregate,
  defineEvents,
  everyNEvents,
  type RepositoryReport,
  START,
  withCodec,
} from "@es/core";
import { createMemoryEventStore } from "@es/store-memory";
import { describe, expect, it } from "vitest";
import * as z from "zod";

const Counter = defineAggregate({
  name: "counter",
  events: defineEvents({ Added: z.object({ amount: z.number() }) }),
  state: z.object({ total: z.number() }),
  commands: { Add: z.object({ amount: z.number(), eventId: z.string().optional() }) },
  initialState: () => ({ total: 0 }),
  evolve: { Added: (state, { data }) => ({ total: state.total + data.amount }) },
  decide: {
    Add: ({ data }) => ({
      type: "Added",
      data: { amount: data.amount },
      tags: ["once"],
      ...(data.eventId === undefined ? {} : { id: data.eventId }),
    }),
  },
});

function add(amount: number, eventId?: string) {
  return { type: "Add", data: { amount, ...(eventId === undefined ? {} : { eventId }) } } as const;
}

describe("a save that a condition recognises at an earlier place", () => {
  it("leaves the aggregate, the cache and the snapshots as they were", async () => {
    const store = createMemoryEventStore();
    const counters = createRepository(store, Counter, {
      cache: { maxSize: 10 },
      snapshots: { policy: everyNEvents(1) },
    });
    const command = add(10, "11111111-1111-4111-8111-111111111111");
    const once = { if: { none: { tags: ["once"] }, after: START } };
    await counters.execute("a", command, once);

    const repeated = await counters.execute("a", command, once);

    expect(repeated).toMatchObject({ duplicate: true, version: 1 });
    expect(repeated.aggregate).toMatchObject({ version: 1, state: { total: 10 }, hasPendingEvents: false });
    expect((await counters.load("a")).state.total).toBe(10);
    expect((await createRepository(store, Counter).load("a")).state.total).toBe(10);
  });
});

describe("a snapshot that stands in the way", () => {
  it("is replaced when it belongs to another history, however high its version", async () => {
    const reports: RepositoryReport[] = [];
    const other = createMemoryEventStore();
    const long = createRepository(other, Counter, { snapshots: { policy: everyNEvents(1) } });
    for (let n = 0; n < 5; n += 1) await long.execute("a", add(100));
    const foreign = await other.registers.get("snapshot:counter-a");
    const store = createMemoryEventStore();
    const counters = createRepository(store, Counter, {
      snapshots: { policy: everyNEvents(1) },
      onReport: (report) => reports.push(report),
    });
    await counters.execute("a", add(1));
    await store.registers.set("snapshot:counter-a", foreign?.value ?? "");

    await counters.execute("a", add(2));
    await counters.execute("a", add(3));

    expect(reports.filter(({ kind }) => kind === "snapshot-missed")).toHaveLength(1);
    expect((await counters.load("a")).state.total).toBe(6);
    expect(await store.registers.get("snapshot:counter-a")).toMatchObject({
      value: expect.stringContaining('"version":3'),
    });
  });

  it("is replaced, and purged, when it was encoded with another key", async () => {
    const store = createMemoryEventStore();
    const policy = { snapshots: { policy: everyNEvents(1) } };
    const plain = createRepository(store, Counter, policy);
    await plain.execute("a", add(1));
    await plain.execute("b", add(1));
    const newKey = withCodec(store, aesGcmCodec({ key: createAesGcmKey() }), { plainData: "accept" });
    const oldKey = withCodec(store, aesGcmCodec({ key: createAesGcmKey() }), { plainData: "accept" });
    await createRepository(oldKey, Counter, policy).snapshot(await plain.load("b"));
    await oldKey.registers.set("snapshot:counter-a", "{}");
    await oldKey.registers.set("snapshot:counter-b", "{}");
    const counters = createRepository(newKey, Counter, policy);

    await counters.execute("a", add(2));

    expect((await counters.load("a")).state.total).toBe(3);
    expect(await newKey.registers.get("snapshot:counter-a")).toBeDefined();
    expect(await counters.purgeSnapshots()).toBe(1);
    expect(await store.registers.get("snapshot:counter-b")).toBeUndefined();
  });
});
