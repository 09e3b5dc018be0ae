import { defineEvents } from "@es/core";
import { expect } from "vitest";
import { defineProjection, type HandlerContext } from "../../index.ts";
import { anything } from "../anything.ts";
import { nextTurn } from "../next-turn.ts";
import { append, Notes, notesOfLog } from "../notes.ts";
import type { RunnerCase } from "../runner-case.ts";
import { runToHead, start, stop, toHead } from "../running.ts";
import { VirtualClock } from "../virtual-clock.ts";

/** Notes whose handler says that it has begun, and then waits until it may go on. */
function gated(): { readonly notes: Notes; readonly entered: Promise<void>; readonly leave: () => void } {
  const entered = Promise.withResolvers<void>();
  const leave = Promise.withResolvers<void>();
  const notes = new Notes({
    onEvent: async () => {
      entered.resolve();
      await leave.promise;
    },
  });
  return { notes, entered: entered.promise, leave: leave.resolve };
}

/** Starting, stopping, pausing and waiting. */
export const controlCases: readonly RunnerCase[] = [
  {
    id: "control.pause",
    rule: "takes no page while it is paused, says so, and goes on without a loss",
    async run(context) {
      const notes = new Notes();
      const runner = await start(context, notes);
      await context.until(() => runner.status().state === "live", "the runner to be live");
      await context.within(runner.pause(), "the pause");
      const paused = notes.seen.length;
      for (let n = 0; n < 5; n += 1) {
        await append(context.store, "a-1");
        await nextTurn();
      }
      expect(runner.status().state).toBe("paused");
      expect(notes.seen).toHaveLength(paused);

      runner.resume();
      await toHead(context, runner);

      expect(notes.seen).toStrictEqual(await notesOfLog(context.store));
    },
  },
  {
    id: "control.pause-while-busy",
    rule: "loses and doubles nothing when it is paused and resumed again and again while it works",
    async run(context) {
      await append(context.store, "a-1", 30);
      const notes = new Notes({ onEvent: nextTurn });
      const runner = await start(context, notes, { pageSize: 3 });

      for (let n = 0; n < 8; n += 1) {
        await context.within(runner.pause(), "the pause");
        const { length } = notes.seen;
        await append(context.store, "b-1");
        await nextTurn();
        expect(notes.seen).toHaveLength(length);
        runner.resume();
        await nextTurn();
      }
      await toHead(context, runner);

      expect(notes.seen).toStrictEqual(await notesOfLog(context.store));
    },
  },
  {
    id: "control.stop-drains",
    rule: "finishes the page at hand when it is stopped, stores that, and takes no further page",
    async run(context) {
      await append(context.store, "a-1", 6);
      const { notes, entered, leave } = gated();
      const runner = await start(context, notes, { pageSize: 2 });
      await context.within(entered, "the handler to begin");

      const stopping = runner.stop();
      expect(runner.status().state).toBe("stopping");
      // Time in which a runner that does not wait would be gone.
      await new Promise((resolve) => setTimeout(resolve, 5));
      leave();
      await context.within(stopping, "the runner to stop");
      await context.within(runner.done, "the runner to be done");

      expect(notes.seen).toStrictEqual(["a-1@1", "a-1@2"]);
      expect(runner.status()).toMatchObject({ state: "stopped", isHealthy: false });
      const next = new Notes();
      await runToHead(context, next);
      expect(next.seen).toStrictEqual(["a-1@3", "a-1@4", "a-1@5", "a-1@6"]);
    },
  },
  {
    id: "control.stop-abandons",
    rule: "gives a declared projection no further event of the page once the time to drain is over, and leaves all of it for later",
    async run(context) {
      await append(context.store, "a-1", 4);
      const seen: number[] = [];
      const entered = Promise.withResolvers<void>();
      const leave = Promise.withResolvers<void>();
      const projection = defineProjection({
        name: "notes",
        events: defineEvents({ Happened: anything }),
        handlers: {
          Happened: async ({ version }) => {
            seen.push(version);
            entered.resolve();
            await leave.promise;
          },
        },
      });
      const runner = context.runners.atLeastOnce(projection, { store: context.store });
      await context.within(runner.start(), "the runner to start");
      await context.within(entered.promise, "the handler to begin");

      await expect(context.within(runner.stop({ timeoutMs: 1 }), "the stop")).rejects.toMatchObject({
        code: "ES_WAIT_TIMEOUT",
      });
      leave.resolve();
      await context.within(runner.done, "the runner to be done");

      expect(seen).toStrictEqual([1]);
      const next = new Notes();
      await runToHead(context, next);
      expect(next.seen).toStrictEqual(["a-1@1", "a-1@2", "a-1@3", "a-1@4"]);
    },
  },
  {
    id: "control.stop-deadline",
    rule: "does not wait for ever for a handler when it is stopped: it says so, tells the handler, and stores nothing of the page",
    async run(context) {
      await append(context.store, "a-1", 2);
      const clock = new VirtualClock();
      const { notes, entered, leave } = gated();
      const signals: AbortSignal[] = [];
      const { projection } = notes;
      const runner = context.runners.atLeastOnce(
        {
          ...projection,
          apply: async (events, handler, progress) => {
            signals.push(handler.signal);
            await projection.apply(events, handler, progress);
          },
        },
        { store: context.store, clock },
      );
      await context.within(runner.start(), "the runner to start");
      await context.within(entered, "the handler to begin");

      const stopping = runner.stop({ timeoutMs: 1_000 });
      stopping.catch(() => undefined);
      await context.within(clock.slept(), "the runner to wait for the handler");
      clock.advance(1_000);
      await expect(context.within(stopping, "the stop to give up")).rejects.toMatchObject({ code: "ES_WAIT_TIMEOUT" });
      expect(signals.map(({ aborted }) => aborted)).toStrictEqual([true]);
      leave();
      await context.within(runner.done, "the runner to be done");

      const next = new Notes();
      await runToHead(context, next);
      expect(next.seen).toStrictEqual(["a-1@1", "a-1@2"]);
    },
  },
  {
    id: "control.start-once",
    rule: "can be started once, and stopped before that and twice",
    async run(context) {
      const notes = new Notes();
      const runner = await start(context, notes);
      await expect(context.within(runner.start(), "the second start")).rejects.toMatchObject({
        code: "ES_CONFIGURATION",
      });
      await stop(context, runner);
      await stop(context, runner);
      const idle = context.runners.atLeastOnce(notes.projection, { store: context.store });
      await stop(context, idle);

      expect([runner, idle].map((one) => one.status().state)).toStrictEqual(["stopped", "stopped"]);
    },
  },
  {
    id: "control.wait-for",
    rule: "lets a caller wait for a position: at once when it was reached, later, and not beyond its limit, its signal or a stop",
    async run(context) {
      const { store, within } = context;
      const clock = new VirtualClock();
      const early = await append(store, "a-1");
      const notes = new Notes();
      const runner = await start(context, notes, { clock });
      await within(runner.waitFor(early), "what is stored");
      expect(notes.seen).toStrictEqual(["a-1@1"]);
      await within(runner.waitFor(early), "what was reached");
      await within(runner.pause(), "the pause");
      const late = await append(store, "a-1");

      const limited = runner.waitFor(late, { timeoutMs: 50 });
      limited.catch(() => undefined);
      await within(clock.slept(), "the wait to begin");
      clock.advance(50);
      await expect(within(limited, "the limit of the wait")).rejects.toMatchObject({ code: "ES_WAIT_TIMEOUT" });
      const caller = new AbortController();
      const aborted = runner.waitFor(late, { signal: caller.signal });
      caller.abort();
      await expect(within(aborted, "the aborted wait")).rejects.toMatchObject({ code: "ES_ABORTED" });
      const patient = runner.waitFor(late);
      runner.resume();
      await within(patient, "the late event");
      expect(notes.seen).toStrictEqual(["a-1@1", "a-1@2"]);
      const never = runner.waitFor(`${late}~`);
      never.catch(() => undefined);
      await within(runner.stop(), "the runner to stop");

      await expect(within(never, "the wait to end")).rejects.toMatchObject({ code: "ES_PROJECTION_STOPPED" });
      expect(clock.sleeping).toBe(0);
    },
  },
  {
    id: "control.lag",
    rule: "counts how many events it has still to handle, of those that it reads",
    async run(context) {
      const { store, runners } = context;
      await append(store, "a-1", 4, "Wanted");
      await append(store, "b-1", 3, "Other");
      const notes = new Notes({ filter: { types: ["Wanted"] } });
      const idle = runners.atLeastOnce(notes.projection, { store });
      expect(await idle.lag()).toStrictEqual({ events: 4, isExact: true, head: await store.head() });
      expect(await idle.lag({ limit: 2 })).toMatchObject({ events: 2, isExact: false });

      const runner = await start(context, notes);
      await toHead(context, runner);

      expect(await runner.lag()).toStrictEqual({ events: 0, isExact: true, head: await store.head() });
    },
  },
  {
    id: "control.ends",
    rule: "handles nothing any more when it was stopped, and leaves no timer behind",
    async run(context) {
      const clock = new VirtualClock();
      const notes = new Notes();
      const runner = await start(context, notes, { clock });
      await append(context.store, "a-1");
      await toHead(context, runner);
      await stop(context, runner);
      await append(context.store, "a-1");

      const next = new Notes({ name: "next" });
      await runToHead(context, next);

      expect(notes.seen).toStrictEqual(["a-1@1"]);
      expect(clock.sleeping).toBe(0);
    },
  },
  {
    id: "control.context",
    rule: "tells handlers which projection and attempt it is, and whether it is catching up",
    async run(context) {
      await append(context.store, "a-1", 2);
      const told: Pick<HandlerContext, "projection" | "attempt" | "isCatchingUp">[] = [];
      const notes = new Notes({
        onEvent: ({ version }, { projection, attempt, isCatchingUp }) => {
          told.push({ projection, attempt, isCatchingUp });
          if (version === 3 && attempt === 1) throw new Error("not yet");
        },
      });
      const runner = await start(context, notes, { clock: new VirtualClock(5_000) });
      await context.until(() => notes.count("caught-up") > 0, "the runner to catch up");
      await append(context.store, "a-1");

      await toHead(context, runner);

      const facts = { projection: "notes", attempt: 1, isCatchingUp: true };
      expect(told).toStrictEqual([
        facts,
        facts,
        { ...facts, isCatchingUp: false },
        { projection: "notes", attempt: 2, isCatchingUp: false },
      ]);
    },
  },
];
