import type { EventStore } from "@es/core";
import { createMemoryEventStore } from "@es/store-memory";
import { describe, expect, it } from "vitest";
import {
  createProjectionRunner,
  createSharedRunner,
  defineProjection,
  type LeaseOptions,
  listParked,
  type SharedRunner,
} from "../src/index.ts";
import { partitionOf } from "../src/sharing/partition.ts";
import { accountEvents, deposit } from "./accounts.ts";
import { Reports } from "./reports.ts";
import { VirtualClock } from "./virtual-clock.ts";

/** A process's share of a projection that notes which process handled what. */
function share(
  store: EventStore<unknown>,
  seen: string[],
  process: string,
  more: LeaseOptions & { clock?: VirtualClock },
) {
  const reports = new Reports();
  const projection = defineProjection({
    name: "shared",
    events: accountEvents,
    batch: (events) => void seen.push(...events.map(({ streamId, version }) => `${process} ${streamId}@${version}`)),
  });
  const runner = createSharedRunner(projection, { store, onReport: reports.listener, ...more });
  return { runner, reports };
}

/** Resolves when so many events were handled. */
async function handled(seen: readonly string[], count: number, clock?: VirtualClock): Promise<void> {
  while (seen.length < count) {
    clock?.advance(100);
    await new Promise((resolve) => setImmediate(resolve));
  }
}

describe("a shared runner", () => {
  it("splits the streams between processes, each in its order, and each event once", async () => {
    await using store = createMemoryEventStore();
    const streams = Array.from({ length: 20 }, (_, n) => `a-${n}`);
    for (const streamId of [...streams, ...streams]) await deposit(store, streamId, 1);
    const seen: string[] = [];
    const half = { partitions: 4, maxPartitions: 2 };
    await using one = share(store, seen, "one", half).runner;
    await using two = share(store, seen, "two", half).runner;

    one.start();
    two.start();
    await handled(seen, 40);

    expect([one, two].map((runner) => runner.status().filter(({ isHeld }) => isHeld).length)).toStrictEqual([2, 2]);
    for (const streamId of streams) {
      const own = seen.filter((entry) => entry.includes(` ${streamId}@`));
      expect(own.map((entry) => entry.split("@")[1])).toStrictEqual(["1", "2"]);
      expect(new Set(own.map((entry) => entry.split(" ")[0])).size).toBe(1);
    }
  });

  it("gives its leases back when it stops, and another process goes on at once", async () => {
    await using store = createMemoryEventStore();
    await deposit(store, "a-1", 1);
    const seen: string[] = [];
    const clock = new VirtualClock();
    const options = { clock, leaseMs: 1_000_000, pollMs: 50 };
    const one = share(store, seen, "one", options).runner;
    await using two = share(store, seen, "two", options).runner;
    one.start();
    await handled(seen, 1);
    two.start();

    await one.stop();
    await deposit(store, "a-1", 2);
    await handled(seen, 2, clock);

    expect(seen).toStrictEqual(["one a-1@1", "two a-1@2"]);
    expect(two.status()).toMatchObject([{ partition: 0, isHeld: true, token: 2, runner: { state: "live" } }]);
    expect(one.status()).toMatchObject([{ isHeld: false, runner: undefined }]);
    await two.stop();
    expect(clock.sleeping).toBe(0);
  });

  it("takes over from a process that is not heard of, as soon as its lease has lasted and not before", async () => {
    await using store = createMemoryEventStore();
    await deposit(store, "a-1", 1);
    const seen: string[] = [];
    const frozen = new VirtualClock();
    const clock = new VirtualClock();
    // The clock of this one stands still: it never renews, and never notices.
    const one = share(store, seen, "one", { clock: frozen, leaseMs: 1_000, pollMs: 100 });
    const two = share(store, seen, "two", { clock, leaseMs: 1_000, pollMs: 100 });
    one.runner.start();
    await handled(seen, 1);
    two.runner.start();
    for (let waited = 0; waited < 900; waited += 100) {
      await clock.slept();
      clock.advance(100);
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect(two.runner.status()).toMatchObject([{ isHeld: false, token: 0 }]);

    while (!two.reports.kinds.includes("caught-up")) {
      clock.advance(100);
      await new Promise((resolve) => setImmediate(resolve));
    }
    await deposit(store, "a-1", 2);
    await one.reports.until("failed");

    expect(two.runner.status()).toMatchObject([{ isHeld: true, token: 2 }]);
    // Delivered at least once, so the frozen one may have handled it too; but it could not store that.
    expect(seen).toContain("two a-1@2");
    expect(one.reports.all.find(({ kind }) => kind === "failed")).toMatchObject({
      error: { code: "ES_CHECKPOINT_CONFLICT" },
    });
    await Promise.all([one.runner.stop(), two.runner.stop()]);
  });

  it("asks for the lease again when it could not renew it in time", async () => {
    await using store = createMemoryEventStore();
    const seen: string[] = [];
    const clock = new VirtualClock();
    const { runner, reports } = share(store, seen, "one", { clock, leaseMs: 1_000, pollMs: 100 });
    runner.start();
    await reports.until("caught-up");

    clock.advance(5_000);
    await reports.until("caught-up", 2);
    await deposit(store, "a-1", 1);
    await handled(seen, 1);

    expect(runner.status()).toMatchObject([{ isHeld: true, token: 2 }]);
    await runner.stop();
  });

  it("waits for a position in all partitions, also those that another process runs", async () => {
    await using store = createMemoryEventStore();
    const seen: string[] = [];
    const half = { partitions: 4, maxPartitions: 2, pollMs: 20 };
    await using one = share(store, seen, "one", half).runner;
    await using two = share(store, seen, "two", half).runner;
    one.start();
    two.start();

    for (let round = 1; round <= 30; round += 1) {
      const position = await deposit(store, `a-${round}`, 1);
      await (round % 2 === 0 ? one : two).waitFor(position);
      expect(seen).toHaveLength(round);
    }
    await deposit(store, "a-1", 2);
    await one.waitFor(await store.head());
    expect(seen).toHaveLength(31);
    expect(new Set(seen.map((entry) => entry.split(" ")[0]))).toStrictEqual(new Set(["one", "two"]));
  });

  it("ends a wait at its limit, with its signal, and when it stops or gives up", async () => {
    await using store = createMemoryEventStore();
    const clock = new VirtualClock(5_000);
    const { runner } = share(store, [], "one", { clock, partitions: 2, leaseMs: 60_000 });
    runner.start();

    await expect(runner.waitFor("9", { timeoutMs: 50 })).rejects.toMatchObject({ code: "ES_WAIT_TIMEOUT" });
    const controller = new AbortController();
    const aborted = runner.waitFor("9", { signal: controller.signal, timeoutMs: 1e9 });
    controller.abort();
    await expect(aborted).rejects.toMatchObject({ code: "ES_ABORTED" });
    const stopped = runner.waitFor("9", { timeoutMs: 1e9 });
    await Promise.all([expect(stopped).rejects.toMatchObject({ code: "ES_PROJECTION_STOPPED" }), runner.stop()]);
    await store.append({ streamId: "a-1", expected: 0, events: [{ type: "Strange", data: 1 }] });
    await using failing = share(store, [], "two", { clock, partitions: 2, leaseMs: 60_000 }).runner;
    failing.start();
    const failed = failing.waitFor("9", { timeoutMs: 1e9 });
    await expect(failed).rejects.toMatchObject({ code: "ES_HANDLER_FAILED" });
  });

  it("hands partitions over to processes that join, and takes those of processes that leave or die", async () => {
    await using store = createMemoryEventStore();
    const seen: string[] = [];
    const clock = new VirtualClock();
    const frozen = new VirtualClock();
    const shared = { partitions: 4, leaseMs: 900, pollMs: 100 };
    const all = ["one", "two", "three"].map((name) => share(store, seen, name, { ...shared, clock }));
    const dying = share(store, seen, "dying", { ...shared, clock: frozen, maxPartitions: 1 });
    const [one, two, three] = all.map(({ runner }) => runner);
    if (one === undefined || two === undefined || three === undefined) throw new Error("unreachable");
    const held = (...runners: SharedRunner[]): readonly number[] =>
      runners.map((runner) => runner.status().filter(({ isHeld }) => isHeld).length);
    let appended = 0;
    let isAlive = true;
    /** Lets time pass, with an event in every stream at each step, until so many are held; and then for a while longer. */
    const until = async (expected: readonly number[], ...runners: SharedRunner[]): Promise<void> => {
      let changes = 0;
      for (let steps = 0; steps < 30; ) {
        changes += 1;
        if (changes > 150) throw new Error(`expected ${expected.join()}, but ${held(...runners).join()}`);
        for (let n = 0; n < 8; n += 1) await deposit(store, `a-${n}`, 1);
        appended += 8;
        clock.advance(100);
        if (isAlive) frozen.advance(100);
        for (let turn = 0; turn < 20; turn += 1) await new Promise((resolve) => setImmediate(resolve));
        const counts = held(...runners).toSorted();
        if (counts.join() === expected.toSorted().join()) steps += 1;
        else if (steps > 0) throw new Error(`was ${expected.join()}, is ${counts.join()}`);
      }
    };

    one.start();
    await until([4], one);
    two.start();
    await until([2, 2], one, two);
    three.start();
    await until([2, 1, 1], one, two, three);
    await one.stop();
    await until([2, 2], two, three);
    dying.runner.start();
    await until([2, 1, 1], two, three, dying.runner);
    // Its clock stands still, so it does not renew its lease, and does not know.
    isAlive = false;
    await three.stop();
    await until([4], two);
    await two.waitFor(await store.head());
    await Promise.all([two.stop(), dying.runner.stop()]);

    for (let n = 0; n < 8; n += 1) {
      const own = seen.filter((entry) => entry.includes(` a-${n}@`)).map((entry) => Number(entry.split("@")[1]));
      const firsts = own.filter((version, index) => own.indexOf(version) === index);
      expect(firsts).toStrictEqual(Array.from({ length: appended / 8 }, (_, index) => index + 1));
    }
  });

  it("gives up with the projection's error, and gives the lease back", async () => {
    await using store = createMemoryEventStore();
    await store.append({ streamId: "a-1", expected: 0, events: [{ type: "Strange", data: 1 }] });
    const { runner } = share(store, [], "one", { clock: new VirtualClock(5_000), partitions: 2, leaseMs: 60_000 });

    runner.start();

    await expect(runner.done).rejects.toMatchObject({ code: "ES_HANDLER_FAILED" });
    expect(runner.status()).toMatchObject([{ isHeld: false }, { isHeld: false }]);
    await runner.stop();
  });

  it("refuses a checkpoint of another number of partitions", async () => {
    await using store = createMemoryEventStore();
    await deposit(store, "a-1", 1);
    const seen: string[] = [];
    await using whole = share(store, seen, "one", {}).runner;
    whole.start();
    await handled(seen, 1);
    await whole.stop();

    const split = share(store, seen, "two", { partitions: 2 }).runner;
    split.start();
    await expect(split.done).rejects.toMatchObject({ code: "ES_CHECKPOINT_MISMATCH", reason: "partitions" });
    await using again = share(store, seen, "three", {}).runner;
    again.start();
    await deposit(store, "a-1", 2);
    await handled(seen, 2);

    expect(seen).toStrictEqual(["one a-1@1", "three a-1@2"]);
  });

  it("shares its checkpoint with a runner that is alone", async () => {
    await using store = createMemoryEventStore();
    await deposit(store, "a-1", 1);
    const seen: string[] = [];
    const shared = share(store, seen, "shared", {}).runner;
    shared.start();
    await handled(seen, 1);
    await shared.stop();
    const projection = defineProjection({
      name: "shared",
      events: accountEvents,
      batch: () => void seen.push("again"),
    });
    await using alone = createProjectionRunner(projection, { store });

    await alone.start();
    await alone.waitFor(await store.head());

    expect(seen).toStrictEqual(["shared a-1@1"]);
  });

  it("replays and discards what is held back in its partitions", async () => {
    await using store = createMemoryEventStore();
    let isBroken = true;
    const seen: string[] = [];
    const projection = defineProjection({
      name: "shared",
      events: accountEvents,
      batch: (events) => {
        if (isBroken) throw new Error("no");
        seen.push(...events.map(({ streamId, version }) => `${streamId}@${version}`));
      },
    });
    for (const streamId of ["a-1", "a-2", "a-3", "a-1"]) await deposit(store, streamId, 1);
    const clock = new VirtualClock(5_000);
    const options = { partitions: 3, leaseMs: 1_000_000, pollMs: 50_000, clock };
    await using runner = createSharedRunner(projection, { store, onFailure: "park", ...options });
    runner.start();
    while ((await listParked(store.registers, "shared")).reduce((sum, { events }) => sum + events, 0) < 4) {
      await new Promise((resolve) => setImmediate(resolve));
    }

    isBroken = false;
    expect(await runner.discardParked("a-2")).toBe(1);
    expect(await runner.discardParked("a-9")).toBe(0);
    expect(await runner.replayParked()).toBe(3);

    expect(seen.toSorted()).toStrictEqual(["a-1@1", "a-1@2", "a-3@1"]);
    expect(await listParked(store.registers, "shared")).toStrictEqual([]);
  });

  it.each([{ partitions: 0 }, { maxPartitions: 1.5 }, { leaseMs: 0 }, { pollMs: 0 }, { leaseMs: Number.NaN }])(
    "cannot have %j",
    async (options) => {
      await using store = createMemoryEventStore();

      expect(() => share(store, [], "one", options)).toThrow(/must be|give at least/);
    },
  );
});

it("puts a stream into the same partition for ever", () => {
  const streams = ["account-1", "account-2", "task-é", "", "a".repeat(255)];

  expect(streams.map((streamId) => partitionOf(streamId, 8))).toStrictEqual([6, 3, 6, 5, 6]);
});
