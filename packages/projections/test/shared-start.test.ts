import { AbortedError, type EventStore, type Registers } from "@es/core";
import { createMemoryEventStore } from "@es/store-memory";
import { describe, expect, it } from "vitest";
import {
  createSharedRunner,
  defineProjection,
  type LeaseOptions,
  type RunnerOptions,
  resetProjection,
  type SharedRunner,
  type StartPosition,
} from "../src/index.ts";
import { partitionOf } from "../src/sharing/partition.ts";
import { accountEvents, deposit } from "./accounts.ts";
import { VirtualClock } from "./virtual-clock.ts";

const STREAMS = Array.from({ length: 12 }, (_, n) => `a-${n}`);

function share(
  store: EventStore<unknown>,
  seen: string[],
  { from = "beginning", ...more }: Partial<RunnerOptions> & LeaseOptions & { readonly from?: StartPosition } = {},
): SharedRunner {
  const projection = defineProjection({
    name: "shared",
    events: accountEvents,
    types: ["Deposited"],
    from,
    handlers: {
      Deposited: ({ streamId, version }, { isReplay }) =>
        void seen.push(`${streamId}@${version}${isReplay ? " again" : ""}`),
    },
  });
  return createSharedRunner(projection, { store, partitions: 4, pollMs: 5, ...more });
}

async function until(isTrue: () => boolean): Promise<void> {
  while (!isTrue()) await new Promise((resolve) => setImmediate(resolve));
}

const runs = (runner: SharedRunner): number =>
  runner.status().filter((partition) => partition.runner?.state === "live").length;

describe("a shared projection that begins now", () => {
  it("misses nothing in a partition that a process takes later than the first one was taken", async () => {
    await using store = createMemoryEventStore();
    for (const id of STREAMS) await deposit(store, id, 1);
    const seen: string[] = [];
    await using first = share(store, seen, { from: "now", maxPartitions: 2 });
    first.start();
    await until(() => runs(first) === 2);
    for (const id of STREAMS) await deposit(store, id, 2);

    await using second = share(store, seen, { from: "now", maxPartitions: 2 });
    second.start();
    await second.waitFor(await store.head());

    expect(seen.toSorted()).toStrictEqual(STREAMS.map((id) => `${id}@2`).toSorted());
  });

  it("begins anew at that moment after a reset", async () => {
    await using store = createMemoryEventStore();
    const seen: string[] = [];
    const first = share(store, seen, { from: "now" });
    first.start();
    await until(() => runs(first) === 4);
    await first.stop();
    for (const id of STREAMS) await deposit(store, id, 1);
    await resetProjection(store.registers, "shared");

    await using second = share(store, seen, { from: "now" });
    second.start();
    await until(() => runs(second) === 4);
    await second.waitFor(await deposit(store, "a-0", 2));

    expect(seen).toStrictEqual(["a-0@2"]);
  });
});

describe("a reset of a shared projection", () => {
  it("counts nothing as handled before in a partition that nobody has run yet", async () => {
    await using store = createMemoryEventStore();
    for (const id of STREAMS) await deposit(store, id, 1);
    const before: string[] = [];
    const first = share(store, before, { maxPartitions: 2 });
    first.start();
    await until(() => runs(first) === 2);
    await first.stop();
    await resetProjection(store.registers, "shared");
    const after: string[] = [];

    await using second = share(store, after);
    second.start();
    await second.waitFor(await store.head());

    const missed = STREAMS.map((id) => `${id}@1`).filter((note) => !before.includes(note));
    expect(missed.length).toBeGreaterThan(0);
    for (const note of missed) expect(after).toContain(note);
  });
});

it("a shared runner that cannot begin says so to those who wait", async () => {
  await using inner = createMemoryEventStore();
  const registers: Registers<never> = {
    ...inner.registers,
    get: (key, call) =>
      key.startsWith("members:") ? Promise.reject(new TypeError("broken")) : inner.registers.get(key, call),
  };
  const runner = share({ ...inner, registers }, []);
  runner.start();

  await expect(runner.done).rejects.toThrow("broken");
  await expect(runner.waitFor("9", { timeoutMs: 1_000 })).rejects.toThrow("broken");
});

it("a process that stops while it renews its lease gives it back all the same", async () => {
  await using inner = createMemoryEventStore();
  const renewing = Promise.withResolvers<void>();
  let writes = 0;
  const slow: Registers<never> = {
    ...inner.registers,
    async set(key, value, call) {
      const revision = await inner.registers.set(key, value, call);
      if (!key.startsWith("lease:")) return revision;
      writes += 1;
      if (writes !== 2) return revision;
      renewing.resolve();
      // It is written, and the answer comes too late.
      return new Promise((_resolve, reject) => {
        call?.signal?.addEventListener("abort", () => reject(new AbortedError("aborted")));
      });
    },
  };
  const clock = new VirtualClock();
  const first = share({ ...inner, registers: slow }, [], { partitions: 1, leaseMs: 60_000, clock });
  first.start();
  await until(() => runs(first) === 1);
  clock.advance(20_000);
  await renewing.promise;
  await first.stop();

  const lease = await inner.registers.get("lease:checkpoint:shared");
  expect(JSON.parse(lease?.value ?? "")).toMatchObject({ isReleased: true });
});

it("puts the streams of these tests into every partition", () => {
  expect(new Set(STREAMS.map((id) => partitionOf(id, 4))).size).toBe(4);
});
