import type { Registers } from "@es/core";
import { createMemoryEventStore } from "@es/store-memory";
import { describe, expect, it } from "vitest";
import {
  createProjectionRunner,
  createSharedRunner,
  dropProjection,
  liveProjection,
  rebuildProjection,
  type SharedRunner,
} from "../src/index.ts";
import { deposit } from "./accounts.ts";
import { notingVersion, openVersionedPlace, type VersionedPlace } from "./versions.ts";

const STREAMS = ["a-1", "b-1", "c-1", "d-1", "e-1"];

async function depositAll(place: { readonly store: VersionedPlace["store"] }, amount: number): Promise<string> {
  let position = "";
  for (const streamId of STREAMS) position = await deposit(place.store, streamId, amount);
  return position;
}

/** Runs a version in so many partitions. */
function share(place: VersionedPlace, number: number, partitions: number): SharedRunner {
  const shared = createSharedRunner(place.version(number), { ...place, partitions, pageSize: 2 });
  shared.start();
  return shared;
}

describe("a rebuild of a projection in several partitions", () => {
  it.each([
    ["as many", 3],
    ["one", 1],
  ] as const)("takes the place of one that runs in %s, while events come", async (_name, partitionsBefore) => {
    await using place = await openVersionedPlace();
    await rebuildProjection(place.version(1), { ...place.rebuild(1), partitions: partitionsBefore });
    const old = share(place, 1, partitionsBefore);
    await old.waitFor(await depositAll(place, 1));
    let isOver = false;
    const writing = (async () => {
      while (!isOver) {
        await depositAll(place, 1);
        await new Promise((resolve) => setImmediate(resolve));
      }
    })();

    const rebuilt = await rebuildProjection(place.version(10), { ...place.rebuild(10), partitions: 3, pageSize: 7 });
    await expect(old.done).rejects.toMatchObject({ code: "ES_PROJECTION_REPLACED", replacedBy: "balances-v10" });
    await using shared = share(place, 10, 3);
    isOver = true;
    await writing;
    await shared.waitFor(await depositAll(place, 1));

    expect(rebuilt).toMatchObject({ isSwitched: true, replaced: "balances-v1" });
    expect(await liveProjection(place.sink.registers, "balances")).toBe("balances-v10");
    const { events = 0, total } = place.read() ?? {};
    expect(total).toBe(10 * events);
    // Each event has had its side effect from one version, and from that version only.
    expect(place.effects).toHaveLength(events);
    expect(new Set(place.effects)).toStrictEqual(new Set(["v1:1", "v10:1"]));
    const again = await rebuildProjection(place.version(10), { ...place.rebuild(10), partitions: 3 });
    expect(again.isSwitched).toBe(false);
  });

  it("begins what the old version has not begun, and lets nobody begin it there any more", async () => {
    await using place = await openVersionedPlace();
    await rebuildProjection(place.version(1), { ...place.rebuild(1), partitions: 16 });
    const old = share(place, 1, 16);
    await old.waitFor(await depositAll(place, 1));
    await old.stop();
    const { registers } = place.sink;
    // As if no process had ever come to it: it has none of the streams.
    const unused: string[] = [];
    for await (const key of registers.keys("checkpoint:balances-v1:")) {
      if ((await registers.get(key))?.value.includes('"events":0')) unused.push(key);
    }
    for (const key of unused) await registers.delete(key);
    // Nobody has handled these, wherever they are.
    for (let n = 0; n < 10; n += 1) await deposit(place.store, `late-${n}`, 1);

    await rebuildProjection(place.version(2), { ...place.rebuild(2), partitions: 16 });
    await using shared = share(place, 2, 16);
    await shared.waitFor(await depositAll(place, 1));

    expect(unused.length).toBeGreaterThan(0);
    await expect(share(place, 1, 16).done).rejects.toMatchObject({ code: "ES_PROJECTION_REPLACED" });
    expect(place.read()).toStrictEqual({ events: 20, total: 40 });
    expect(place.effects.toSorted()).toStrictEqual([...Array(5).fill("v1:1"), ...Array(15).fill("v2:1")]);
    for (const key of unused) expect((await registers.get(key))?.value).toContain('"replacedBy":"balances-v2"');
    expect(await dropProjection(place.sink, "balances-v1")).toBe(true);
  });

  it("completes what was killed, wherever that was, and goes back when it is told to", async () => {
    let dieAt = 0;
    for (let isComplete = false; !isComplete; ) {
      dieAt += 1;
      await using store = createMemoryEventStore();
      const effects: string[] = [];
      const version = (number: number) => notingVersion(number, effects);
      const old = createSharedRunner(version(1), { store, partitions: 2 });
      old.start();
      await old.waitFor(await depositAll({ store }, 1));
      let calls = 0;
      const checkpoints: Registers<unknown> = {
        get: (key) => store.registers.get(key),
        delete: (key) => store.registers.delete(key),
        keys: (prefix) => store.registers.keys(prefix),
        set: async (key, value, call) => {
          calls += 1;
          if (calls === dieAt) throw new Error("killed");
          return store.registers.set(key, value, call?.expected === undefined ? {} : { expected: call.expected });
        },
      };
      const options = { readModel: "sums", store, replaces: "v1", partitions: 2 };

      await rebuildProjection(version(2), { ...options, checkpoints }).catch(() => undefined);
      await rebuildProjection(version(2), options);
      await using shared = createSharedRunner(version(2), { store, partitions: 2 });
      shared.start();
      await shared.waitFor(await depositAll({ store }, 2));
      await shared.stop();
      const back = await rebuildProjection(version(1), { readModel: "sums", store, partitions: 2 });

      await expect(old.done).rejects.toMatchObject({ code: "ES_PROJECTION_REPLACED" });
      expect(effects.filter((effect) => effect.startsWith("v2"))).toStrictEqual(Array(5).fill("v2:2"));
      expect(back).toMatchObject({ isSwitched: true, replaced: "v2" });
      expect(await liveProjection(store.registers, "sums")).toBe("v1");
      isComplete = calls < dieAt;
    }
    expect(dieAt).toBeGreaterThan(10);
  });

  it("refuses partitions that the old version, or its own checkpoint, does not have", async () => {
    await using place = await openVersionedPlace();
    await rebuildProjection(place.version(1), { ...place.rebuild(1), partitions: 3 });
    const rebuild = (number: number, partitions: number): Promise<unknown> =>
      rebuildProjection(place.version(number), { ...place.rebuild(number), partitions });

    await expect(rebuild(2, 2)).rejects.toThrow(/runs in 3 partitions.* give "partitions: 3"/);
    await expect(rebuild(2, 1)).rejects.toThrow(/runs in 3 partitions/);
    await expect(rebuild(1, 2)).rejects.toThrow(/has a checkpoint of 3 partitions, not of 2/);
    await expect(rebuild(2, 0)).rejects.toThrow(/partitions is 0/);
    await expect(createProjectionRunner(place.version(1), place).start()).rejects.toMatchObject({
      code: "ES_CHECKPOINT_MISMATCH",
      reason: "partitions",
    });
  });
});
