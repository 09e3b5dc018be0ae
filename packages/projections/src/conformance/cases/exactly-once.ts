import { StoreUnavailableError, UnknownOutcomeError } from "@es/core";
import { expect } from "vitest";
import { type CheckpointedSink, type FailurePolicy, resetProjection } from "../../index.ts";
import { append } from "../notes.ts";
import type { RunnerCase, RunnerCaseContext } from "../runner-case.ts";
import { stop, toHead } from "../running.ts";
import { foldTotals, readTotals, type TotalsOptions, totals } from "../totals.ts";
import { VirtualClock } from "../virtual-clock.ts";

/** A runner that keeps the totals in the store itself. */
async function start(
  context: RunnerCaseContext,
  options: TotalsOptions & { readonly sink?: CheckpointedSink<unknown>; readonly onFailure?: FailurePolicy },
) {
  const store = context.transactional();
  const runner = context.runners.exactlyOnce(totals(store.registers, options), {
    store,
    sink: options.sink ?? store,
    onFailure: options.onFailure ?? "stop",
    pageSize: 4,
    clock: new VirtualClock(5_000),
  });
  await context.within(runner.start(), "the runner to start");
  return runner;
}

/** Numbers that look random and are the same in every run. */
function dice(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}

async function expectFold({ store }: RunnerCaseContext): Promise<void> {
  expect(await readTotals(store.registers)).toStrictEqual(await foldTotals(store));
}

/** Effects and checkpoint in one transaction: each event takes effect exactly once, whatever fails. */
export const exactlyOnceCases: readonly RunnerCase[] = [
  {
    id: "exactly-once.rollback",
    rule: "rolls back what a handler wrote before it failed, and the checkpoint stays in front of the event",
    needs: "transactions",
    async run(context) {
      await append(context.store, "a-1", 6);
      const failing = await start(context, {
        onEvent: ({ version }) => {
          if (version === 4) throw new Error("no");
        },
      });
      await expect(context.within(failing.done, "the runner to give up")).rejects.toMatchObject({
        code: "ES_HANDLER_FAILED",
        event: { version: 4 },
      });
      expect(await readTotals(context.store.registers)).toStrictEqual({ "a-1": 3 });

      await toHead(context, await start(context, {}));

      await expectFold(context);
    },
  },
  {
    id: "exactly-once.restart",
    rule: "counts nothing twice and misses nothing over restarts, and a rebuild after a reset gives the same",
    needs: "transactions",
    async run(context) {
      const { store } = context;
      for (let round = 0; round < 3; round += 1) {
        await append(store, "a-1", 3);
        await append(store, `b-${round}`, 2);
        const runner = await start(context, {});
        await toHead(context, runner);
        await stop(context, runner);
      }
      await expectFold(context);
      const before = await readTotals(store.registers);
      for (const id of Object.keys(before)) await store.registers.delete(`total:${id}`);
      await resetProjection(store.registers, "totals");

      await toHead(context, await start(context, {}));

      expect(await readTotals(store.registers)).toStrictEqual(before);
    },
  },
  {
    id: "exactly-once.lost-commit",
    rule: "counts once what was committed when the answer to the commit was lost, and what was not when it was not",
    needs: "transactions",
    async run(context) {
      const store = context.transactional();
      let transactions = 0;
      const sink: CheckpointedSink<unknown> = {
        registers: store.registers,
        async transaction(work, options) {
          transactions += 1;
          if (transactions % 3 === 1) throw new StoreUnavailableError("never begun");
          const result = await store.transaction(work, options);
          if (transactions % 3 === 2) throw new UnknownOutcomeError("committed, but nobody heard");
          return result;
        },
      };
      await append(store, "a-1", 10);
      const runner = await start(context, { sink });
      await toHead(context, runner);
      await append(store, "b-1", 6);

      await toHead(context, runner);

      await expectFold(context);
      expect(transactions).toBeGreaterThan(4);
    },
  },
  {
    id: "exactly-once.fencing",
    rule: "rolls back what a runner writes that was overtaken meanwhile",
    needs: "transactions",
    async run(context) {
      const store = context.transactional();
      await append(store, "a-1", 3);
      const entered = Promise.withResolvers<void>();
      const leave = Promise.withResolvers<void>();
      // The stale transaction begins only when the other runner is done: two at once would wait for each other in some databases.
      const sink: CheckpointedSink<unknown> = {
        registers: store.registers,
        async transaction(work, options) {
          entered.resolve();
          await leave.promise;
          return store.transaction(work, options);
        },
      };
      const stale = await start(context, { sink });
      await context.within(entered.promise, "the first runner to begin");
      const heir = await start(context, {});
      await toHead(context, heir);
      leave.resolve();

      await expect(context.within(stale.done, "the first runner to give up")).rejects.toMatchObject({
        code: "ES_CHECKPOINT_CONFLICT",
      });
      await append(store, "a-1", 2);
      await toHead(context, heir);

      await expectFold(context);
    },
  },
  {
    id: "exactly-once.faults",
    rule: "keeps the read model equal to a fold of the log while handlers, transactions and runners fail at any moment",
    needs: "transactions",
    async run(context) {
      const store = context.transactional();
      const random = dice(8);
      const sink: CheckpointedSink<unknown> = {
        registers: store.registers,
        async transaction(work, options) {
          if (random() < 0.2) throw new StoreUnavailableError("away");
          const result = await store.transaction(work, options);
          if (random() < 0.2) throw new UnknownOutcomeError("lost");
          return result;
        },
      };
      const onEvent = (): void => {
        if (random() < 0.1) throw new Error("not yet");
      };
      for (let round = 0; round < 5; round += 1) {
        const runner = await start(context, { sink, onEvent });
        for (const id of ["a-1", "b-1", "a-1", "c-1"]) await append(store, id, 2);
        await context.within(
          runner.waitFor(await store.head()).catch(() => undefined),
          "the runner to work or fail",
        );
        await context.within(runner.stop(), "the runner to stop");
        await runner.done.catch(() => undefined);
      }

      await toHead(context, await start(context, {}));

      await expectFold(context);
    },
  },
  {
    id: "exactly-once.parking",
    rule: "takes effect once when a parked stream is replayed, also when only a part of it succeeds",
    needs: "transactions",
    async run(context) {
      const bad = new Set([2, 4]);
      await append(context.store, "a-1", 5);
      await append(context.store, "b-1", 2);
      const onEvent: TotalsOptions["onEvent"] = ({ streamId, version }) => {
        if (streamId === "a-1" && bad.has(version)) throw new Error("no");
      };
      const runner = await start(context, { onEvent, onFailure: "park" });
      await toHead(context, runner);
      expect(await readTotals(context.store.registers)).toStrictEqual({ "a-1": 1, "b-1": 2 });
      bad.delete(2);
      await expect(context.within(runner.replayParked(), "the replay")).rejects.toMatchObject({
        event: { version: 4 },
      });
      expect(await readTotals(context.store.registers)).toStrictEqual({ "a-1": 3, "b-1": 2 });
      bad.clear();

      await context.within(runner.replayParked(), "the second replay");

      await expectFold(context);
    },
  },
  {
    id: "exactly-once.leases",
    rule: "takes effect once when processes that share the work take over from each other",
    needs: "transactions",
    async run(context) {
      const store = context.transactional();
      const streams = Array.from({ length: 8 }, (_, n) => `a-${n}`);
      const open = () => {
        const runner = context.runners.sharedExactlyOnce(totals(store.registers), {
          store,
          sink: store,
          partitions: 2,
          pageSize: 3,
          pollMs: 5,
        });
        runner.start();
        return runner;
      };
      let runner = open();
      for (let round = 0; round < 3; round += 1) {
        for (const id of streams) await append(store, id);
        const next = open();
        await context.within(runner.stop(), "a process to stop");
        runner = next;
      }
      const head = await store.head();
      await context.until(
        () => runner.status().every((status) => (status.runner?.position ?? "") >= head),
        "both partitions to reach the head",
      );

      await expectFold(context);
    },
  },
];
