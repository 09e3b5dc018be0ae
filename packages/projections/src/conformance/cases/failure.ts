import { type EventStore, StoreFormatError, StoreUnavailableError } from "@es/core";
import { expect } from "vitest";
import { changed, changedRegisters } from "../changed-store.ts";
import { append, Notes, notesOfLog } from "../notes.ts";
import type { RunnerCase } from "../runner-case.ts";
import { runToHead, start, toHead } from "../running.ts";
import { VirtualClock } from "../virtual-clock.ts";

/** Waits between attempts take no time. */
const options = () => ({ clock: new VirtualClock(5_000), random: () => 0.5 });

/** Handlers and stores that fail: nothing is passed over in silence, and nothing that failed looks healthy. */
export const failureCases: readonly RunnerCase[] = [
  {
    id: "failure.retry",
    rule: "tries a handler again that failed, repeats nothing that went before it, and is healthy once it succeeds",
    async run(context) {
      await append(context.store, "a-1", 3);
      let failures = 2;
      const health: boolean[] = [];
      const notes = new Notes({
        onEvent: ({ version }, { attempt }) => {
          if (attempt > 1) health.push(runner.status().isHealthy);
          if (version === 2 && failures-- > 0) throw new Error("not yet");
        },
      });
      const runner = context.runners.atLeastOnce(notes.projection, {
        store: context.store,
        onReport: notes.onReport,
        ...options(),
      });
      await context.within(runner.start(), "the runner to start");

      await toHead(context, runner);

      expect(notes.seen).toStrictEqual(await notesOfLog(context.store));
      expect(notes.count("retrying")).toBe(2);
      expect(health).toStrictEqual([false, false]);
      expect(runner.status()).toMatchObject({ isHealthy: true, lastError: undefined });
    },
  },
  {
    id: "failure.stop",
    rule: "stops in front of an event that fails too often, says everywhere what it was, and goes on there after the repair",
    async run(context) {
      const { store, within } = context;
      await append(store, "a-1", 4);
      const cause = new Error("no such account");
      const health: boolean[] = [];
      const notes = new Notes({
        onEvent: ({ version }) => {
          if (version === 3) throw cause;
        },
      });
      const runner = context.runners.atLeastOnce(notes.projection, {
        store,
        ...options(),
        retry: { maxAttempts: 2 },
        onReport: ({ kind }) => {
          if (kind === "retrying" || kind === "failed") health.push(runner.status().isHealthy);
        },
      });
      const head = await store.head();
      await within(runner.start(), "the runner to start");

      const error = { code: "ES_HANDLER_FAILED", attempts: 2, cause, event: { streamId: "a-1", version: 3 } };
      await expect(within(runner.waitFor(head), "the wait to end")).rejects.toMatchObject(error);
      await expect(within(runner.done, "the runner to be done")).rejects.toMatchObject(error);
      expect(runner.status()).toMatchObject({ state: "failed", isHealthy: false, lastError: error });
      expect(health).toStrictEqual([false, false]);
      const mended = new Notes();
      await runToHead(context, mended);

      expect(notes.seen).toStrictEqual(["a-1@1", "a-1@2"]);
      expect(mended.seen).toStrictEqual(["a-1@3", "a-1@4"]);
    },
  },
  {
    id: "failure.skip",
    rule: "passes over an event that fails too often when it is told to, and reports which",
    async run(context) {
      await append(context.store, "a-1", 3);
      const notes = new Notes({
        onEvent: ({ version }) => {
          if (version === 2) throw new Error("no");
        },
      });

      await runToHead(context, notes, { ...options(), onFailure: "skip" });
      await runToHead(context, notes, options());

      expect(notes.seen).toStrictEqual(["a-1@1", "a-1@3"]);
      expect(notes.reports.find(({ kind }) => kind === "skipped")).toMatchObject({
        event: { streamId: "a-1", version: 2 },
      });
    },
  },
  {
    id: "failure.batch",
    rule: "handles a page one by one when it fails as a whole, so that one event is to blame and the others are handled once",
    async run(context) {
      await append(context.store, "a-1", 2);
      await append(context.store, "b-1", 2);
      const notes = new Notes({
        isBatch: true,
        onEvent: ({ streamId, version }) => {
          if (streamId === "a-1" && version === 2) throw new Error("no");
        },
      });

      await runToHead(context, notes, { ...options(), onFailure: "skip" });

      expect(notes.seen).toStrictEqual(["a-1@1", "b-1@1", "b-1@2"]);
    },
  },
  {
    id: "failure.outage",
    rule: "goes on where it was when the store comes back, and is not healthy meanwhile",
    async run(context) {
      const { store } = context;
      let outages = 3;
      const flaky: EventStore<unknown> = changed(store, {
        async *readAll(read) {
          for await (const page of store.readAll(read)) {
            yield page;
            if (page.events.length > 0 && outages-- > 0) throw new StoreUnavailableError("away");
          }
        },
      });
      const notes = new Notes();
      const health: boolean[] = [];
      await append(store, "a-1", 6);
      const runner = context.runners.atLeastOnce(notes.projection, {
        store: flaky,
        ...options(),
        pageSize: 2,
        onReport: ({ kind }) => {
          if (kind === "retrying") health.push(runner.status().isHealthy);
        },
      });
      await context.within(runner.start(), "the runner to start");
      await toHead(context, runner);
      await append(store, "b-1", 3);

      await toHead(context, runner);

      expect(notes.seen).toStrictEqual(await notesOfLog(store));
      expect(health).toStrictEqual([false, false, false]);
      expect(runner.status().isHealthy).toBe(true);
    },
  },
  {
    id: "failure.read-ends",
    rule: "asks again, where it was, when a live read ends by itself",
    async run(context) {
      const { store } = context;
      await append(store, "a-1", 3);
      const ending: EventStore<unknown> = changed(store, {
        readAll: (read) => store.readAll({ ...read, limit: 2 }),
      });
      const notes = new Notes();
      const runner = await start(context, notes, { store: ending, ...options() });
      await toHead(context, runner);
      await append(store, "b-1", 3);

      await toHead(context, runner);

      expect(notes.seen).toStrictEqual(await notesOfLog(store));
    },
  },
  {
    id: "failure.broken-store",
    rule: "gives up with the store's own error when another attempt makes no sense, and says so everywhere",
    async run(context) {
      const { store, within } = context;
      await append(store, "a-1", 4);
      const cause = new StoreFormatError("the log was written by a newer version");
      const broken: EventStore<unknown> = changed(store, {
        async *readAll(read) {
          for await (const page of store.readAll(read)) {
            yield page;
            throw cause;
          }
        },
      });
      const notes = new Notes();
      const runner = await start(context, notes, { store: broken, ...options(), pageSize: 2 });

      await expect(within(runner.done, "the runner to give up")).rejects.toBe(cause);
      await expect(within(runner.waitFor(await store.head()), "the wait to end")).rejects.toBe(cause);
      expect(runner.status()).toMatchObject({ state: "failed", isHealthy: false, lastError: cause });
      const mended = new Notes();
      await runToHead(context, mended);

      expect([...notes.seen, ...mended.seen]).toStrictEqual(await notesOfLog(store));
    },
  },
  {
    id: "failure.lost-answer",
    rule: "handles nothing twice when the checkpoint was stored and only the answer was lost, or not stored at first",
    async run(context) {
      const { store } = context;
      let calls = 0;
      const lossy = changedRegisters(store, {
        set: async (key, value, set) => {
          calls += 1;
          if (calls % 3 === 0) throw new StoreUnavailableError("not stored");
          const revision = await store.registers.set(key, value, set);
          if (calls % 3 === 2) throw new StoreUnavailableError("stored, but nobody heard");
          return revision;
        },
      });
      await append(store, "a-1", 10);
      const notes = new Notes();

      await runToHead(context, notes, { store: lossy, ...options(), pageSize: 2 });
      await append(store, "a-1", 2);
      await runToHead(context, notes, options());

      expect(notes.seen).toStrictEqual(await notesOfLog(store));
      expect(calls).toBeGreaterThan(6);
    },
  },
];
