import { defineEvents, type EventStore, type Registers, StoreUnavailableError } from "@es/core";
import { createMemoryEventStore } from "@es/store-memory";
import { describe, expect, it } from "vitest";
import * as z from "zod";
import {
  type CommonRunnerOptions,
  createProcessManagerRunner,
  type DueTimeout,
  defineProcessManager,
  listTimeouts,
  type ProjectionRunner,
} from "../src/index.ts";
import { Reports } from "./reports.ts";
import { VirtualClock } from "./virtual-clock.ts";

const events = defineEvents({ Begun: z.object({}), Ended: z.object({}) });
const timeouts = defineEvents({ Due: z.object({}) });
type Due = DueTimeout<typeof timeouts.schemas>;

const MINUTE = 60_000;

/** A process manager whose time-outs lead to nothing in the store, so that nothing but they wake it. */
function place(
  options: {
    readonly onTimeout?: (due: Due) => void;
    readonly onEnded?: () => void;
    readonly isRecurring?: boolean;
  } = {},
) {
  const clock = new VirtualClock();
  const inner = createMemoryEventStore({ clock: () => clock.now() });
  /** When it is on, the next list of time-outs waits for the answer. */
  const slow = { isOn: false, asked: Promise.withResolvers<void>(), answer: Promise.withResolvers<void>() };
  const registers: Registers<never> = {
    ...inner.registers,
    async *keys(prefix, call) {
      if (slow.isOn && prefix.startsWith("timeouts:")) {
        slow.isOn = false;
        slow.asked.resolve();
        await slow.answer.promise;
      }
      yield* inner.registers.keys(prefix, call);
    },
  };
  /** While it is held, what was stored is not read yet. */
  let held: PromiseWithResolvers<void> | undefined;
  const feed = {
    hold: () => {
      held = Promise.withResolvers();
    },
    release: () => held?.resolve(),
  };
  const headOf = { isSlow: false, answer: Promise.withResolvers<void>() };
  const store: EventStore<never> = {
    ...inner,
    registers,
    async head(call) {
      const position = await inner.head(call);
      if (headOf.isSlow) await headOf.answer.promise;
      return position;
    },
    async *readAll(call) {
      for await (const page of inner.readAll(call)) {
        await held?.promise;
        yield page;
      }
    },
  };
  const manager = defineProcessManager({
    name: "manager",
    events,
    timeouts,
    handlers: {
      Begun: ({ streamId }, unit) => unit.schedule({ type: "Due", data: {} }, { key: streamId, afterMs: MINUTE }),
      Ended: ({ streamId }, unit) => {
        options.onEnded?.();
        unit.cancel(streamId);
      },
    },
    onTimeout: {
      Due: (due, unit) => {
        options.onTimeout?.(due);
        if (options.isRecurring) unit.schedule({ type: "Due", data: {} }, { key: due.key, afterMs: MINUTE });
      },
    },
  });
  return {
    store,
    clock,
    slow,
    feed,
    headOf,
    async runOver(other: EventStore<never>): Promise<ProjectionRunner> {
      const runner = createProcessManagerRunner(manager, { store: other, clock });
      await runner.start();
      return runner;
    },
    async run(more: Partial<CommonRunnerOptions> = {}): Promise<ProjectionRunner> {
      const reports = new Reports();
      const runner = createProcessManagerRunner(manager, { store, clock, onReport: reports.listener, ...more });
      await runner.start();
      await reports.until("caught-up");
      return runner;
    },
  };
}

async function append(store: EventStore<never>, streamId: string, type = "Begun"): Promise<string> {
  return (await store.append({ streamId, expected: "any", events: [{ type, data: {} }] })).position;
}

async function turns(): Promise<void> {
  for (let turn = 0; turn < 30; turn += 1) await new Promise((resolve) => setImmediate(resolve));
}

async function pass(clock: VirtualClock, ms: number, stepMs = MINUTE / 4): Promise<void> {
  for (let left = ms; left > 0; left -= stepMs) {
    clock.advance(Math.min(left, stepMs));
    await turns();
  }
}

describe("a time-out", () => {
  it("is handled when it is due although the one in front of it had to be tried again", async () => {
    const handled: string[] = [];
    let failures = 1;
    const { store, clock, run } = place({
      onTimeout: ({ key }) => {
        if (failures-- > 0) throw new Error("not yet");
        handled.push(key);
      },
    });
    await using runner = await run();
    await runner.waitFor(await append(store, "a-1"));
    await pass(clock, MINUTE / 2);
    await runner.waitFor(await append(store, "a-2"));

    await pass(clock, 2 * MINUTE);

    expect(handled).toStrictEqual(["a-1", "a-2"]);
    expect(runner.status()).toMatchObject({ state: "live", isHealthy: true, lastError: undefined });
  });

  it("is not passed over because of an outage", async () => {
    const { store, clock, run } = place({
      onTimeout: () => {
        throw new StoreUnavailableError("away");
      },
    });
    const runner = await run({ onFailure: "skip", storeRetry: { maxAttempts: 3, firstDelayMs: 10 } });
    await runner.waitFor(await append(store, "a-1"));

    await pass(clock, 2 * MINUTE);

    await expect(runner.done).rejects.toMatchObject({ code: "ES_HANDLER_FAILED", cause: { message: "away" } });
    expect(await listTimeouts(store.registers, "manager")).toHaveLength(1);
  });

  it("that plans itself again and again is named no longer than the first", async () => {
    const handled: string[] = [];
    const { store, clock, run } = place({ isRecurring: true, onTimeout: ({ key }) => void handled.push(key) });
    await using runner = await run();
    await runner.waitFor(await append(store, "a-1"));

    const ids = new Set<string>();
    for (let round = 0; round < 20; round += 1) {
      for (const { id } of await listTimeouts(store.registers, "manager")) ids.add(id);
      await pass(clock, MINUTE);
    }

    expect(handled).toHaveLength(20);
    expect(ids.size).toBe(20);
    expect(Math.max(...[...ids].map(({ length }) => length))).toBeLessThan(100);
  });

  it("that cannot be found for good ends the runner with its error, also while an event is tried again", async () => {
    const failing = Promise.withResolvers<void>();
    const { store, clock, run, slow } = place({
      onEnded: () => {
        failing.resolve();
        throw new Error("no");
      },
    });
    await append(store, "a-1");
    await (await run()).stop();
    slow.isOn = true;
    const runner = await run({ retry: { firstDelayMs: MINUTE, maxDelayMs: MINUTE } });
    await slow.asked.promise;
    await append(store, "a-2", "Ended");
    await failing.promise;
    await clock.slept();

    slow.answer.reject(new TypeError("broken"));

    await expect(runner.done).rejects.toMatchObject({ message: "broken" });
    expect(runner.status()).toMatchObject({ state: "failed" });
  });

  it("is not handled in front of events that came while it was looked for", async () => {
    const handled: string[] = [];
    const failing = Promise.withResolvers<void>();
    let failures = 1;
    const { store, clock, run, slow } = place({
      onTimeout: ({ key }) => void handled.push(key),
      onEnded: () => {
        if (failures-- <= 0) return;
        failing.resolve();
        throw new Error("not yet");
      },
    });
    await append(store, "a-1");
    await (await run()).stop();
    clock.advance(2 * MINUTE);
    slow.isOn = true;
    await using second = await run({ pageSize: 1 });
    await slow.asked.promise;
    await append(store, "a-2", "Ended");
    const ended = await append(store, "a-1", "Ended");
    await failing.promise;

    slow.answer.resolve();
    await pass(clock, MINUTE);
    await second.waitFor(ended);

    expect(handled).toStrictEqual([]);
  });

  it("is not handled in front of events whose news is late, as in a process that was suspended", async () => {
    const handled: string[] = [];
    const { store, clock, run, feed } = place({ onTimeout: ({ key }) => void handled.push(key) });
    await using runner = await run();
    await runner.waitFor(await append(store, "a-1"));
    feed.hold();
    const ended = await append(store, "a-1", "Ended");

    await pass(clock, 2 * MINUTE);
    feed.release();
    await runner.waitFor(ended);
    await pass(clock, MINUTE);

    expect(handled).toStrictEqual([]);
  });

  it("is not handled once a pause is over, whenever that begins", async () => {
    for (let moment = 0; moment < 30; moment += 1) {
      const handled: string[] = [];
      const { store, clock, run, headOf } = place({ onTimeout: ({ key }) => void handled.push(key) });
      const runner = await run();
      await runner.waitFor(await append(store, "a-1"));
      headOf.isSlow = true;
      await pass(clock, 2 * MINUTE);

      headOf.answer.resolve();
      for (let turn = 0; turn < moment; turn += 1) await Promise.resolve();
      await runner.pause();
      const before = [...handled];
      await turns();
      expect(handled).toStrictEqual(before);
      runner.resume();
      await turns();
      await runner.stop();

      expect(handled).toStrictEqual(["a-1"]);
    }
  });

  it.each(["get", "set"] as const)(
    "stays cancelled when a process that was paused in front of the %s of its plan goes on",
    async (call) => {
      const handled: string[] = [];
      const { store, clock, run, runOver } = place({ onTimeout: ({ key }) => void handled.push(key) });
      const reached = Promise.withResolvers<void>();
      const gate = Promise.withResolvers<void>();
      const pause = async (which: "get" | "set", key: string): Promise<void> => {
        if (which !== call || !key.startsWith("timeouts:")) return;
        reached.resolve();
        await gate.promise;
      };
      const paused: EventStore<never> = {
        ...store,
        registers: {
          ...store.registers,
          get: async (key, options) => {
            await pause("get", key);
            return store.registers.get(key, options);
          },
          set: async (key, value, options) => {
            await pause("set", key);
            return store.registers.set(key, value, options);
          },
        },
      };
      await append(store, "a-1");
      const first = await runOver(paused);
      await reached.promise;
      await using second = await run();
      await second.waitFor(await append(store, "a-1", "Ended"));

      gate.resolve();
      await expect(first.done).rejects.toMatchObject({ code: "ES_CHECKPOINT_CONFLICT" });
      await pass(clock, 2 * MINUTE);

      expect(await listTimeouts(store.registers, "manager")).toStrictEqual([]);
      expect(handled).toStrictEqual([]);
    },
  );
});
