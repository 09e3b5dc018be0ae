import { allEvents } from "@es/core";
import { describe, expect, it } from "vitest";
import {
  createProjectionRunner,
  defineProjection,
  type ExactlyOnce,
  exactlyOnce,
  type FailurePolicy,
  type Projection,
  type ProjectionRunner,
} from "../src/index.ts";
import { accountEvents } from "./accounts.ts";
import { Process, type Tables, World } from "./simulation.ts";
import { VirtualClock } from "./virtual-clock.ts";

// A failure names its seed; run it alone with SEED=n.
const only = process.env["SEED"];
const seeds = only === undefined ? Array.from({ length: 1_500 }, (_, n) => n + 1) : [Number(only)];
const STREAMS = 4;

/** Runs one case for many seeds, in tests of a hundred. */
function eachSeed(rule: string, count: number, run: (seed: number) => Promise<void>): void {
  for (let start = 0; start < Math.min(count, seeds.length); start += 100) {
    const group = seeds.slice(start, start + 100);
    it(`${rule}, seeds ${group[0]} to ${group.at(-1)}`, async () => {
      for (const seed of group) {
        await run(seed).catch((cause: unknown) => {
          throw new Error(`seed ${seed}`, { cause });
        });
      }
    });
  }
}

/** The log, by stream. */
async function fold(world: World): Promise<Record<string, readonly number[]>> {
  const amounts: Record<string, number[]> = {};
  for await (const recorded of allEvents(world.store)) {
    const event = accountEvents.decode(recorded);
    if (event.type === "Deposited") (amounts[event.streamId] ??= []).push(event.data.amount);
  }
  return amounts;
}

async function append(world: World, count: number): Promise<void> {
  for (let n = 0; n < count; n += 1) {
    const events = [{ type: "Deposited", data: { amount: world.chance.below(1_000) } }];
    await world.store.append({ streamId: `a-${world.chance.below(STREAMS)}`, expected: "any", events });
  }
}

async function turns(count: number): Promise<void> {
  for (let n = 0; n < count; n += 1) await new Promise((resolve) => setImmediate(resolve));
}

/** Runs processes one after the other and beside each other, pauses, wakes and kills them, and lets a last one come to the end. */
async function live(world: World, start: (process: Process) => ProjectionRunner): Promise<ProjectionRunner> {
  const alive = new Set<Process>();
  await append(world, world.chance.below(20));
  const rounds = 3 + world.chance.below(5);
  for (let round = 0; round < rounds; round += 1) {
    const process = new Process();
    alive.add(process);
    const runner = start(process);
    runner.start().catch(() => undefined);
    await append(world, world.chance.below(10));
    await turns(world.chance.below(25));
    const fate = world.chance.below(4);
    if (fate === 0) process.kill();
    // A paused process may hold the database; the others wait for it until it is woken.
    if (fate === 1) process.pause();
    if (fate === 2) runner.stop().catch(() => undefined);
    for (const other of alive) if (world.chance.happens(0.5)) other.wake();
  }
  for (const process of alive) process.wake();
  await turns(world.chance.below(40));
  for (const process of alive) process.kill();
  world.faults = 0;
  await append(world, 1 + world.chance.below(5));
  const last = start(new Process());
  await last.start();
  await last.waitFor(await world.store.head(), { timeoutMs: 100_000 });
  return last;
}

function recording(world: World, failures: number, poisoned: () => boolean): Projection<ExactlyOnce<Tables>> {
  return defineProjection({
    name: "recording",
    events: accountEvents,
    delivery: exactlyOnce<Tables>(),
    types: ["Deposited"],
    handlers: {
      Deposited: async ({ streamId, data }, { tx }) => {
        if (poisoned() && data.amount % 7 === 0) throw new Error("poison");
        if (world.faults > 0 && world.chance.happens(failures)) throw new Error("a bad moment");
        await Promise.resolve();
        tx.effects.set(streamId, [...(tx.effects.get(streamId) ?? []), data.amount]);
      },
    },
  });
}

describe("with faults, pauses and crashes everywhere", () => {
  eachSeed("effects in transactions are a fold of the log", 1_500, async (seed) => {
    const world = new World(seed, 0.06);
    const clock = new VirtualClock(60_000);
    const isParking = world.chance.happens(0.5);
    let isPoisoned = isParking;
    const onFailure: FailurePolicy = isParking ? "park" : "stop";
    const pageSize = 1 + world.chance.below(6);

    const last = await live(world, (process) =>
      createProjectionRunner(
        recording(world, 0.05, () => isPoisoned),
        {
          store: world.storeOf(process),
          sink: world.sinkOf(process),
          onFailure,
          pageSize,
          clock,
          random: world.chance.next,
        },
      ),
    );
    isPoisoned = false;
    await last.replayParked();
    await last.stop();

    expect(Object.fromEntries([...world.tables.effects].sort())).toStrictEqual(await sorted(world));
  });

  eachSeed("effects outside of transactions miss nothing and keep their order", 500, async (seed) => {
    const world = new World(seed, 0.06);
    const clock = new VirtualClock(60_000);
    const seen = new Map<string, { readonly version: number; readonly amount: number }[]>();
    const projection = defineProjection({
      name: "noting",
      events: accountEvents,
      types: ["Deposited"],
      handlers: {
        Deposited: ({ streamId, version, data }) => {
          if (world.faults > 0 && world.chance.happens(0.05)) throw new Error("a bad moment");
          const own = seen.get(streamId) ?? [];
          seen.set(streamId, [...own, { version, amount: data.amount }]);
        },
      },
    });

    const last = await live(world, (process) =>
      createProjectionRunner(projection, {
        store: world.storeOf(process),
        checkpoints: world.sinkOf(process).registers,
        pageSize: 1 + (seed % 5),
        clock,
        random: world.chance.next,
      }),
    );
    await last.stop();

    for (const [streamId, amounts] of Object.entries(await fold(world))) {
      let newest = 0;
      const firsts: number[] = [];
      for (const { version, amount } of seen.get(streamId) ?? []) {
        // A version may come again, but none comes before all in front of it have come.
        expect(version).toBeLessThanOrEqual(newest + 1);
        if (version > newest) firsts.push(amount);
        newest = Math.max(newest, version);
      }
      expect(firsts).toStrictEqual(amounts);
    }
  });
});

async function sorted(world: World): Promise<Record<string, readonly number[]>> {
  return Object.fromEntries(Object.entries(await fold(world)).sort());
}
