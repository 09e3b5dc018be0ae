import { createMemoryEventStore } from "@es/store-memory";
import { describe, expect, it } from "vitest";
import {
  createProjectionRunner,
  createSharedRunner,
  defineProjection,
  listParked,
  rebuildProjection,
  resetProjection,
} from "../src/index.ts";
import { accountEvents, deposit } from "./accounts.ts";
import { VirtualClock } from "./virtual-clock.ts";

/** A checkpoint as the first release wrote it. Later ones must go on reading it. */
const GOLDEN = (store: string, id: string): string =>
  `{"format":1,"store":"${store}","position":"0000000000000002","events":1,"runner":"8b0e6a4c-6c1d-4d63-9d0c-6a5c2e1c9a51",` +
  `"last":{"streamId":"a-1","version":2,"id":"${id}"},"parked":[{"streamId":"a-1","firstVersion":2,"lastVersion":2,"events":1,` +
  `"eventId":"${id}","eventType":"Deposited","position":"0000000000000002","attempts":4,"error":"no","parkedAt":1700000000000}]}`;

const amounts: number[] = [];
const projection = defineProjection({
  name: "golden",
  events: accountEvents,
  batch: (events) => void amounts.push(...events.map(({ version }) => version)),
});

async function idOf(store: ReturnType<typeof createMemoryEventStore>, version: number): Promise<string> {
  for await (const [event] of store.readStream("a-1", { from: version, limit: 1 })) return event?.id ?? "";
  return "";
}

describe("stored forms", () => {
  it("of the first release are read", async () => {
    await using store = createMemoryEventStore();
    await deposit(store, "a-1", 1, 2, 3);
    await store.registers.set("checkpoint:golden", GOLDEN(await store.identity(), await idOf(store, 2)));
    await using runner = createProjectionRunner(projection, { store, clock: new VirtualClock(5_000) });

    await runner.start();
    await runner.waitFor(await store.head(), { timeoutMs: 100_000 });
    expect(await listParked(store.registers, "golden")).toMatchObject([{ streamId: "a-1", events: 2, error: "no" }]);
    await runner.replayParked();

    expect(amounts).toStrictEqual([2, 3]);
  });

  it("have not changed", async () => {
    await using store = createMemoryEventStore();
    const position = await deposit(store, "a-1", 1);
    const other = defineProjection({ name: "other", events: accountEvents, batch: () => undefined });
    const clock = new VirtualClock();
    await using runner = createSharedRunner(other, { store, clock });
    runner.start();
    while (runner.status()[0]?.runner?.position !== position) await new Promise((resolve) => setImmediate(resolve));
    await runner.stop();

    const checkpoint: unknown = JSON.parse((await store.registers.get("checkpoint:other"))?.value ?? "");
    const lease: unknown = JSON.parse((await store.registers.get("lease:checkpoint:other"))?.value ?? "");

    expect(checkpoint).toStrictEqual({
      format: 1,
      store: await store.identity(),
      position,
      events: 1,
      runner: expect.any(String),
      last: { streamId: "a-1", version: 1, id: await idOf(store, 1) },
    });
    expect(lease).toStrictEqual({ format: 1, holder: expect.any(String), token: 1, isReleased: true });
  });

  it("of rebuilds, resets and members have not changed", async () => {
    await using store = createMemoryEventStore();
    const position = await deposit(store, "a-1", 1);
    const named = (name: string) => defineProjection({ name, events: accountEvents, batch: () => undefined });
    await rebuildProjection(named("v1"), { store, readModel: "sums" });
    await rebuildProjection(named("v2"), { store, readModel: "sums" });
    await resetProjection(store.registers, "v1");
    const fromNow = defineProjection({ name: "shared", events: accountEvents, batch: () => undefined, from: "now" });
    await using shared = createSharedRunner(fromNow, { store, partitions: 2 });
    shared.start();
    const read = async (key: string): Promise<unknown> => JSON.parse((await store.registers.get(key))?.value ?? "null");
    while ((await read("members:checkpoint:shared")) === null) await new Promise((resolve) => setImmediate(resolve));

    while ((await read("start:shared")) === null) await new Promise((resolve) => setImmediate(resolve));

    expect(await read("start:shared")).toStrictEqual({ format: 1, store: await store.identity(), position });
    expect(await read("live:sums")).toStrictEqual({ format: 1, projection: "v2" });
    expect(await read("replayed:v1")).toStrictEqual({ format: 1, store: await store.identity(), position });
    expect(await read("members:checkpoint:shared")).toStrictEqual({
      format: 1,
      members: [{ id: expect.any(String), beat: 1, max: 2 }],
    });
    await rebuildProjection(named("v3"), { store, readModel: "sums" });
    expect(await read("checkpoint:v2")).toMatchObject({ format: 1, replacedBy: "v3" });
  });
});
