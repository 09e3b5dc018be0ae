import type { Registers } from "@es/core";
import { createMemoryEventStore } from "@es/store-memory";
import { describe, expect, it } from "vitest";
import { createProjectionRunner, defineProjection, liveProjection, rebuildProjection } from "../src/index.ts";
import { accountEvents, deposit } from "./accounts.ts";
import { Reports } from "./reports.ts";
import { openVersionedPlace } from "./versions.ts";
import { VirtualClock } from "./virtual-clock.ts";

/** Stops whoever uses these registers in front of a call, or behind it, until it is let go. */
function gated<Tx>(
  inner: Registers<Tx>,
  isIt: (call: "get" | "set", key: string, value: string) => boolean,
  place: "front" | "behind",
) {
  const reached = Promise.withResolvers<void>();
  const gate = Promise.withResolvers<void>();
  let isOver = false;
  async function pass<Result>(isMeant: boolean, call: () => Promise<Result>): Promise<Result> {
    if (!isMeant || isOver) return call();
    isOver = true;
    const before = place === "behind" ? await call() : undefined;
    reached.resolve();
    await gate.promise;
    return before ?? call();
  }
  const registers: Registers<Tx> = {
    ...inner,
    get: (key, call) => pass(isIt("get", key, ""), () => inner.get(key, call)),
    set: (key, value, call) => pass(isIt("set", key, value), () => inner.set(key, value, call)),
  };
  return { registers, reached: reached.promise, letGo: gate.resolve };
}

describe("a rebuild, while the old version is started again,", () => {
  it("stops that again before it takes its place, so that side effects come from one of them", async () => {
    await using place = await openVersionedPlace();
    await rebuildProjection(place.version(1), place.rebuild(1));
    await using first = createProjectionRunner(place.version(1), place);
    await first.start();
    await first.waitFor(await deposit(place.store, "a-1", 1, 2));
    const { registers, reached, letGo } = gated(
      place.sink.registers,
      (call, key, value) => call === "set" && key === "checkpoint:balances-v1" && value.includes("replacedBy"),
      "behind",
    );
    const sink = { registers, transaction: place.sink.transaction };
    const rebuilding = rebuildProjection(place.version(2), {
      ...place.rebuild(2),
      sink,
      clock: new VirtualClock(5_000),
    });
    await reached;

    // A process of the old deployment starts just now.
    expect(await rebuildProjection(place.version(1), place.rebuild(1))).toMatchObject({ isSwitched: false });
    await using again = createProjectionRunner(place.version(1), place);
    await again.start();
    await again.waitFor(await deposit(place.store, "a-1", 4));
    letGo();
    await rebuilding;
    await using second = createProjectionRunner(place.version(2), place);
    await second.start();
    await second.waitFor(await deposit(place.store, "a-1", 8));

    await expect(again.done).rejects.toMatchObject({ code: "ES_PROJECTION_REPLACED", replacedBy: "balances-v2" });
    expect(place.effects).toStrictEqual(["v1:1", "v1:2", "v1:4", "v2:8"]);
    expect(place.read()).toStrictEqual({ events: 4, total: 30 });
  });
});

const version = (number: number) =>
  defineProjection({ name: `v${number}`, events: accountEvents, batch: () => undefined });

describe("a rebuild without transactions", () => {
  it("that was paused at its last step does not take readers back from a newer version", async () => {
    await using store = createMemoryEventStore();
    const clock = new VirtualClock(5_000);
    const rebuild = (number: number, checkpoints = store.registers) =>
      rebuildProjection(version(number), { store, checkpoints, readModel: "sums", clock });
    await deposit(store, "a-1", 1);
    await rebuild(1);
    const paused = gated(store.registers, (call, key) => call === "set" && key === "live:sums", "front");
    const second = rebuild(2, paused.registers);
    await paused.reached;
    await rebuild(2);
    await rebuild(3);

    paused.letGo();

    await expect(second).rejects.toMatchObject({ code: "ES_PROJECTION_REPLACED", replacedBy: "v3" });
    expect(await liveProjection(store.registers, "sums")).toBe("v3");
    await expect(createProjectionRunner(version(2), { store }).start()).rejects.toThrow(/replaced/);
    await using third = createProjectionRunner(version(3), { store });
    await third.start();
  });

  it("ends at once when another process has done its last step", async () => {
    await using store = createMemoryEventStore();
    const reports = new Reports();
    const rebuild = (number: number, checkpoints = store.registers) =>
      rebuildProjection(version(number), { store, checkpoints, readModel: "sums", onReport: reports.listener });
    await deposit(store, "a-1", 1);
    await rebuild(1);
    const paused = gated(store.registers, (call, key) => call === "get" && key === "checkpoint:v1", "front");
    const first = rebuild(2, paused.registers);
    await paused.reached;
    await rebuild(2);
    await using runner = createProjectionRunner(version(2), { store });
    await runner.start();

    paused.letGo();

    await expect(first).resolves.toMatchObject({ isSwitched: false });
    expect(reports.kinds).not.toContain("retrying");
  });

  it("leaves one version running, whatever a restart of the old one has read before", async () => {
    await using store = createMemoryEventStore();
    const clock = new VirtualClock(5_000);
    const rebuild = (number: number, checkpoints = store.registers) =>
      rebuildProjection(version(number), { store, checkpoints, readModel: "sums", clock });
    await deposit(store, "a-1", 1);
    await rebuild(1);
    const restarted = gated(store.registers, (call, key) => call === "get" && key === "live:sums", "behind");
    const restart = rebuild(1, restarted.registers);
    await restarted.reached;
    await rebuild(2);

    restarted.letGo();
    await restart;

    const live = await liveProjection(store.registers, "sums");
    for (const name of ["v1", "v2"]) {
      const checkpoint: unknown = JSON.parse((await store.registers.get(`checkpoint:${name}`))?.value ?? "{}");
      expect(Object.hasOwn(Object(checkpoint), "replacedBy")).toBe(name !== live);
    }
  });
});
