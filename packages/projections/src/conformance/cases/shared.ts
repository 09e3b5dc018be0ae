import type { EventStore } from "@es/core";
import { expect } from "vitest";
import {
  type LeaseOptions,
  listParked,
  type PartitionStatus,
  type RunnerOptions,
  type SharedRunner,
} from "../../index.ts";
import { changedRegisters } from "../changed-store.ts";
import { nextTurn } from "../next-turn.ts";
import { append, Notes, noteOf } from "../notes.ts";
import type { RunnerCase, RunnerCaseContext } from "../runner-case.ts";
import { VirtualClock } from "../virtual-clock.ts";

const STREAMS = Array.from({ length: 12 }, (_, n) => `a-${n}`);

/** Stores some events in each of a dozen streams, in turn. */
async function fill(store: EventStore<unknown>, rounds: number): Promise<void> {
  for (let round = 0; round < rounds; round += 1) for (const id of STREAMS) await append(store, id);
}

/** What several processes handle: which one, and what. */
class Handled {
  readonly entries: { readonly process: string; readonly note: string }[] = [];

  /** Starts a process's share of the work. */
  start(
    { store, runners }: RunnerCaseContext,
    process: string,
    options: Partial<RunnerOptions & LeaseOptions>,
  ): { readonly runner: SharedRunner; readonly notes: Notes } {
    const notes = new Notes({
      onEvent: (event) => void this.entries.push({ process, note: noteOf(event) }),
    });
    const runner = runners.shared(notes.projection, { store, onReport: notes.onReport, ...options });
    runner.start();
    return { runner, notes };
  }

  get notes(): readonly string[] {
    return this.entries.map(({ note }) => note);
  }
}

/** Expects that each event of the streams was handled once, in order, each stream by one process. */
function expectSplit({ entries }: Handled, rounds: number): void {
  for (const streamId of STREAMS) {
    const own = entries.filter(({ note }) => note.startsWith(`${streamId}@`));
    expect(own.map(({ note }) => note)).toStrictEqual(Array.from({ length: rounds }, (_, n) => `${streamId}@${n + 1}`));
    expect(new Set(own.map(({ process }) => process)).size).toBe(1);
  }
}

/** Lets virtual time pass in small steps, with a turn between two, until something holds. */
async function timeUntil(
  { within }: RunnerCaseContext,
  clock: VirtualClock,
  isTrue: () => boolean,
  what: string,
): Promise<void> {
  const gone = new AbortController();
  const loop = async (): Promise<void> => {
    while (!isTrue() && !gone.signal.aborted) {
      clock.advance(20);
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
  };
  try {
    await within(loop(), what);
  } finally {
    gone.abort();
  }
}

function heldBy(runner: SharedRunner): number {
  return runner.status().filter(({ isHeld }) => isHeld).length;
}

/** Work that several processes share: each partition has one runner at a time. */
export const sharedCases: readonly RunnerCase[] = [
  {
    id: "shared.partitions",
    rule: "splits the streams between processes, each event once and each stream in order by one of them",
    async run(context) {
      await fill(context.store, 3);
      const handled = new Handled();
      const half = { partitions: 4, maxPartitions: 2, pollMs: 5 };
      const one = handled.start(context, "one", half).runner;
      const two = handled.start(context, "two", half).runner;

      await context.until(() => handled.entries.length >= STREAMS.length * 3, "every event to be handled");
      await context.until(() => heldBy(one) === 2 && heldBy(two) === 2, "each process to have its half");

      expectSplit(handled, 3);
    },
  },
  {
    id: "shared.one-holder",
    rule: "gives a partition to one of many processes that ask for it at the same time",
    async run(context) {
      const handled = new Handled();
      let looks = 0;
      const watched = changedRegisters(context.store, {
        get: (key, options) => {
          looks += 1;
          return context.store.registers.get(key, options);
        },
      });
      const all = ["one", "two", "three", "four"].map((process) =>
        handled.start(context, process, { store: watched, leases: watched.registers, leaseMs: 60_000, pollMs: 5 }),
      );
      await context.until(() => all.some(({ notes }) => notes.count("caught-up") > 0), "one process to begin");
      const before = looks;
      await context.until(() => looks >= before + 9, "the others to look again and again");
      await fill(context.store, 2);
      await context.until(() => handled.entries.length >= STREAMS.length * 2, "every event to be handled");

      expect(all.map(({ runner }) => heldBy(runner)).toSorted()).toStrictEqual([0, 0, 0, 1]);
      expect(new Set(handled.entries.map(({ process }) => process)).size).toBe(1);
      expectSplit(handled, 2);
    },
  },
  {
    id: "shared.hand-back",
    rule: "gives its leases back when it stops, so that another process goes on at once where it was",
    async run(context) {
      const { store, within } = context;
      const handled = new Handled();
      const options = { leaseMs: 3_600_000, pollMs: 5 };
      await append(store, "a-1", 2);
      const first = handled.start(context, "one", options).runner;
      await context.until(() => handled.entries.length >= 2, "the first process to handle what is stored");
      const second = handled.start(context, "two", options).runner;

      await within(first.stop(), "the first process to stop");
      await append(store, "a-1", 2);
      await context.until(() => handled.entries.length >= 4, "the second process to go on");

      expect(handled.notes).toStrictEqual(["a-1@1", "a-1@2", "a-1@3", "a-1@4"]);
      expect(heldBy(first)).toBe(0);
      expect(second.status()).toMatchObject([{ isHeld: true, token: 2, runner: { isHealthy: true } }]);
    },
  },
  {
    id: "shared.drains",
    rule: "finishes the page at hand when it is stopped, and stores that before another process goes on",
    async run(context) {
      const { store, runners, within } = context;
      await append(store, "a-1", 4);
      const entered = Promise.withResolvers<void>();
      const leave = Promise.withResolvers<void>();
      const slow = new Notes({
        onEvent: async () => {
          entered.resolve();
          await leave.promise;
        },
      });
      const first = runners.shared(slow.projection, { store, pageSize: 2, pollMs: 5 });
      first.start();
      await within(entered.promise, "the handler to begin");

      const stopping = first.stop();
      // Time in which a runner that does not wait would be gone.
      await new Promise((resolve) => setTimeout(resolve, 5));
      leave.resolve();
      await within(stopping, "the first process to stop");
      const handled = new Handled();
      handled.start(context, "two", { pollMs: 5 });
      await context.until(() => handled.entries.length >= 2, "the second process to go on");

      expect(slow.seen).toStrictEqual(["a-1@1", "a-1@2"]);
      expect(handled.notes).toStrictEqual(["a-1@3", "a-1@4"]);
    },
  },
  {
    id: "shared.take-over",
    rule: "takes over from a process that is not heard of when its lease has lasted, not before, and that one stores nothing more",
    async run(context) {
      const { store, within } = context;
      const handled = new Handled();
      // The clock of the first one stands still: it never renews, and never notices.
      const frozen = handled.start(context, "frozen", { clock: new VirtualClock(), leaseMs: 1_000, pollMs: 100 });
      await context.until(() => frozen.notes.count("caught-up") > 0, "the first process to begin");
      const clock = new VirtualClock();
      const heir = handled.start(context, "heir", { clock, leaseMs: 1_000, pollMs: 100 });
      for (let waited = 0; waited < 900; waited += 100) {
        await within(clock.slept(), "the heir to wait");
        clock.advance(100);
        await nextTurn();
      }
      await within(clock.slept(), "the heir to wait");
      expect(heir.runner.status()).toMatchObject([{ isHeld: false, token: 0 }]);
      const hasAsked = (): boolean => heir.runner.status().some(({ token }) => token > 0);
      await timeUntil(context, clock, hasAsked, "the heir to take over");
      // From here on its time stands still too: a slow store must not cost it the lease that it just got.
      await context.until(() => heir.notes.count("caught-up") > 0, "the heir to begin");
      await append(store, "a-1", 1);
      await context.until(() => frozen.notes.count("failed") > 0, "the first process to notice");
      await context.until(() => handled.entries.some(({ process }) => process === "heir"), "the heir to go on");

      expect(heir.runner.status()).toMatchObject([{ isHeld: true, token: 2 }]);
      expect(frozen.notes.reports.find(({ kind }) => kind === "failed")).toMatchObject({
        error: { code: "ES_CHECKPOINT_CONFLICT" },
      });
      expect(handled.entries.filter(({ process }) => process === "heir")).toHaveLength(1);
    },
  },
  {
    id: "shared.split",
    rule: "refuses a checkpoint of another number of partitions, which would repeat or miss events",
    async run(context) {
      const handled = new Handled();
      await append(context.store, "a-1", 2);
      const whole = handled.start(context, "whole", { partitions: 1 }).runner;
      await context.until(() => handled.entries.length >= 2, "the events to be handled");
      await context.within(whole.stop(), "the process to stop");

      const split = handled.start(context, "split", { partitions: 2 }).runner;

      await expect(context.within(split.done, "the split to be refused")).rejects.toMatchObject({
        code: "ES_CHECKPOINT_MISMATCH",
        reason: "partitions",
      });
      expect(handled.notes).toStrictEqual(["a-1@1", "a-1@2"]);
    },
  },
  {
    id: "shared.parking",
    rule: "holds back, replays and discards what fails in each partition",
    async run(context) {
      const { store, within } = context;
      let isBroken = true;
      const seen: string[] = [];
      const notes = new Notes({
        onEvent: (event) => {
          if (isBroken) throw new Error("no");
          seen.push(noteOf(event));
        },
      });
      for (const streamId of ["a-1", "a-2", "a-3", "a-1"]) await append(store, streamId);
      const runner = context.runners.shared(notes.projection, {
        store,
        partitions: 3,
        onFailure: "park",
        clock: new VirtualClock(5_000),
        leaseMs: 1_000_000,
        pollMs: 50_000,
      });
      runner.start();
      await within(parkedEvents(store, 4), "every event to be held back");

      isBroken = false;
      expect(await within(runner.discardParked("a-2"), "the discard")).toBe(1);
      expect(await within(runner.replayParked(), "the replay")).toBe(3);

      expect(seen.toSorted()).toStrictEqual(["a-1@1", "a-1@2", "a-3@1"]);
      expect(seen.indexOf("a-1@1")).toBeLessThan(seen.indexOf("a-1@2"));
      expect(await listParked(store.registers, "notes")).toStrictEqual([]);
    },
  },
  {
    id: "shared.starts-now",
    rule: "starts now at the same moment in all partitions, also in those that a process takes later",
    async run(context) {
      const { store, runners } = context;
      await fill(store, 1);
      const notes = new Notes({ from: "now" });
      const share = (): SharedRunner => {
        const runner = runners.shared(notes.projection, { store, partitions: 4, maxPartitions: 2, pollMs: 5 });
        runner.start();
        return runner;
      };
      const first = share();
      const isLive = ({ runner }: PartitionStatus): boolean => runner?.state === "live";
      await context.until(() => first.status().filter(isLive).length === 2, "two partitions to be live");
      await fill(store, 1);

      const second = share();
      await context.within(second.waitFor(await store.head()), "all partitions to reach the head");

      expect(notes.seen.toSorted()).toStrictEqual(STREAMS.map((id) => `${id}@2`).toSorted());
    },
  },
  {
    id: "shared.other-instance",
    rule: "shares the work between instances of the store",
    needs: "shared",
    async run(context) {
      await fill(context.store, 2);
      const handled = new Handled();
      const half = { partitions: 4, maxPartitions: 2, pollMs: 5 };
      handled.start(context, "one", half);
      handled.start(context, "two", { ...half, store: await context.openAgain() });

      await context.until(() => handled.entries.length >= STREAMS.length * 2, "every event to be handled");

      expectSplit(handled, 2);
    },
  },
];

async function parkedEvents(store: EventStore<unknown>, count: number): Promise<void> {
  for (;;) {
    const parked = await listParked(store.registers, "notes");
    if (parked.reduce((sum, { events }) => sum + events, 0) >= count) return;
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
}
