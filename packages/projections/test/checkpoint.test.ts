import { aesGcmCodec, createAesGcmKey, type EventStore, type RecordedEvent, withCodec } from "@es/core";
import { createMemoryEventStore } from "@es/store-memory";
import { describe, expect, it } from "vitest";
import { createProjectionRunner, defineProjection, type StartPosition } from "../src/index.ts";
import { accountEvents, deposit } from "./accounts.ts";
import { VirtualClock } from "./virtual-clock.ts";

function summing(from: StartPosition = "beginning") {
  const amounts: number[] = [];
  const projection = defineProjection({
    name: "summing",
    events: accountEvents,
    from,
    batch: (events) => {
      for (const event of events) if (event.type === "Deposited") amounts.push(event.data.amount);
    },
  });
  return { amounts, projection };
}

/** Runs until the head is reached. */
async function runToHead(store: EventStore<unknown>, from?: StartPosition): Promise<readonly number[]> {
  const { amounts, projection } = summing(from);
  await using runner = createProjectionRunner(projection, { store, clock: new VirtualClock(5_000) });
  await runner.start();
  await runner.waitFor(await store.head());
  return amounts;
}

/** A store that answers with another identity, registers or events than the one below. */
function changed(store: EventStore<unknown>, change: Partial<EventStore<unknown>>): EventStore<unknown> {
  return { ...store, ...change };
}

describe("a checkpoint", () => {
  it("of another store is refused, and stays", async () => {
    await using store = createMemoryEventStore();
    await using other = createMemoryEventStore();
    await deposit(store, "a-1", 1);
    await deposit(other, "a-1", 2);
    await runToHead(store);

    const run = runToHead(changed(other, { registers: store.registers }));

    await expect(run).rejects.toMatchObject({ code: "ES_CHECKPOINT_MISMATCH", reason: "foreign-store" });
    await expect(run).rejects.toThrow(/resetProjection/);
    expect(await runToHead(store)).toStrictEqual([]);
  });

  it("ahead of the head is refused", async () => {
    await using store = createMemoryEventStore();
    await using restored = createMemoryEventStore();
    await deposit(store, "a-1", 1, 2);
    await deposit(restored, "a-1", 1);
    await runToHead(store);

    const run = runToHead(changed(restored, { registers: store.registers, identity: () => store.identity() }));

    await expect(run).rejects.toMatchObject({ code: "ES_CHECKPOINT_MISMATCH", reason: "ahead" });
  });

  it("whose last event is not the store's any more is refused, although the head has passed it", async () => {
    await using store = createMemoryEventStore();
    await using restored = createMemoryEventStore();
    await deposit(store, "a-1", 1, 2);
    await deposit(restored, "a-1", 1, 3, 4);
    await runToHead(store);

    const run = runToHead(changed(restored, { registers: store.registers, identity: () => store.identity() }));

    await expect(run).rejects.toMatchObject({ code: "ES_CHECKPOINT_MISMATCH", reason: "other-history" });
  });

  it.each(["", "7", "null", "[]", "{}", '{"format":1}', '{"format":2,"store":"x"}'])(
    "that reads %j is refused, and stays",
    async (garbage) => {
      await using store = createMemoryEventStore();
      await deposit(store, "a-1", 1);
      await store.registers.set("checkpoint:summing", garbage);

      const run = runToHead(store);

      await expect(run).rejects.toMatchObject({ code: "ES_CHECKPOINT_UNREADABLE", key: "checkpoint:summing" });
      expect((await store.registers.get("checkpoint:summing"))?.value).toBe(garbage);
    },
  );

  it("that was encrypted with another key is refused", async () => {
    await using store = createMemoryEventStore();
    await deposit(store, "a-1", 1);
    const codec = () => aesGcmCodec({ key: createAesGcmKey() });
    await runToHead(changed(store, { registers: withCodec(store, codec()).registers }));

    const run = runToHead(changed(store, { registers: withCodec(store, codec()).registers }));

    await expect(run).rejects.toMatchObject({ code: "ES_CHECKPOINT_UNREADABLE" });
  });
});

describe("a projection without a checkpoint", () => {
  it("starts where it was told, and remembers that", async () => {
    let now = 1_000;
    await using store = createMemoryEventStore({ clock: () => now });
    const first = await deposit(store, "a-1", 1);
    now = 2_000;
    await deposit(store, "a-1", 2);

    expect(await runToHead(store, { after: first })).toStrictEqual([2]);
    await store.registers.delete("checkpoint:summing");
    expect(await runToHead(store, { time: new Date(1_500) })).toStrictEqual([2]);
    await store.registers.delete("checkpoint:summing");
    expect(await runToHead(store, { time: new Date(2_001) })).toStrictEqual([]);
    await store.registers.delete("checkpoint:summing");
    expect(await runToHead(store, "now")).toStrictEqual([]);
    await deposit(store, "a-1", 3);
    expect(await runToHead(store, "now")).toStrictEqual([3]);
  });
});

describe("the feed", () => {
  async function runOver(store: EventStore<unknown>, change: (events: readonly RecordedEvent[]) => RecordedEvent[]) {
    return runToHead(
      changed(store, {
        async *readAll(options) {
          for await (const page of store.readAll(options)) yield { ...page, events: change(page.events) };
        },
      }),
    );
  }

  it("with a hole in a stream stops the runner, which names it", async () => {
    await using store = createMemoryEventStore();
    await deposit(store, "a-1", 1, 2, 3);

    const run = runOver(store, (events) => events.filter(({ version }) => version !== 2));

    await expect(run).rejects.toMatchObject({ code: "ES_FEED_INTEGRITY", streamId: "a-1", expected: 2, actual: 3 });
  });

  it("with a double in a stream stops the runner, which names it", async () => {
    await using store = createMemoryEventStore();
    await deposit(store, "a-1", 1, 2);

    const run = runOver(store, (events) => events.flatMap((event) => [event, event]));

    await expect(run).rejects.toMatchObject({ code: "ES_FEED_INTEGRITY", streamId: "a-1", expected: 2, actual: 1 });
  });

  it("that lacks the beginning of a stream stops a runner that reads from the beginning", async () => {
    await using store = createMemoryEventStore();
    await deposit(store, "a-1", 1, 2);

    const run = runOver(store, (events) => events.filter(({ version }) => version > 1));

    await expect(run).rejects.toMatchObject({ code: "ES_FEED_INTEGRITY", expected: 1, actual: 2 });
  });
});
