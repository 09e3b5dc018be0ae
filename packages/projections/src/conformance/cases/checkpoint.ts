import type { EventStore } from "@es/core";
import { expect } from "vitest";
import { resetProjection } from "../../index.ts";
import { changed } from "../changed-store.ts";
import { Dying } from "../dying.ts";
import { append, Notes, notesOfLog } from "../notes.ts";
import type { RunnerCase } from "../runner-case.ts";
import { runToHead, start, stop, toHead } from "../running.ts";

/** What is done stays done, and nothing else counts as done. */
export const checkpointCases: readonly RunnerCase[] = [
  {
    id: "checkpoint.restart",
    rule: "goes on behind its checkpoint after a restart: nothing is missed, nothing comes twice",
    async run(context) {
      const notes = new Notes();
      for (const pageSize of [1, 3, 500]) {
        await append(context.store, "a-1", 4);
        await append(context.store, "b-1", 2);
        await runToHead(context, notes, { pageSize });
      }

      expect(notes.seen).toStrictEqual(await notesOfLog(context.store));
      expect(notes.seen).toHaveLength(18);
    },
  },
  {
    id: "checkpoint.reopen",
    rule: "goes on behind its checkpoint over another instance of the store",
    needs: "reopen",
    async run(context) {
      const notes = new Notes();
      await append(context.store, "a-1", 4);
      await runToHead(context, notes);
      await append(context.store, "a-1", 2);

      await runToHead(context, notes, { store: await context.openAgain() });

      expect(notes.seen).toStrictEqual(await notesOfLog(context.store));
    },
  },
  {
    id: "checkpoint.filtered",
    rule: "moves over the events that the projection does not read, so that a restart does not read them again",
    async run(context) {
      const { store } = context;
      const notes = new Notes({ filter: { types: ["Wanted"] } });
      await append(store, "a-1", 1, "Wanted");
      const first = await start(context, notes);
      await context.until(() => notes.count("caught-up") > 0, "the runner to catch up");
      const head = await append(store, "a-1", 5, "Other");
      await toHead(context, first);
      await stop(context, first);
      const starts: (string | undefined)[] = [];
      const watching = changed(store, {
        readAll: (options = {}) => {
          starts.push(options.after);
          return store.readAll(options);
        },
      });

      await runToHead(context, notes, { store: watching });

      expect(starts).toStrictEqual([head]);
      expect(notes.seen).toStrictEqual(["a-1@1"]);
    },
  },
  {
    id: "checkpoint.crash",
    rule: "is never ahead of the effects: what was not stored before a crash comes again, from the page at hand on",
    async run(context) {
      const { store, within } = context;
      await append(store, "a-1", 9);
      const dying = new Dying(store);
      const before = new Notes({
        onEvent: async ({ version }) => {
          await new Promise((resolve) => setTimeout(resolve, 1));
          if (version === 5) dying.die();
        },
      });
      const options = { store: dying.store, pageSize: 3, checkpointIntervalMs: 0 };
      const runner = await start(context, before, options);
      await expect(within(runner.done, "the runner to give up")).rejects.toThrow(Dying.words);

      const after = new Notes();
      await runToHead(context, after);

      expect(before.seen).toStrictEqual((await notesOfLog(store)).slice(0, 6));
      expect(after.seen).toStrictEqual((await notesOfLog(store)).slice(3));
    },
  },
  {
    id: "checkpoint.crash-catching-up",
    rule: "is never ahead of the effects while a runner catches up and writes it now and then: after a crash nothing is skipped",
    async run(context) {
      const { store, within } = context;
      await append(store, "a-1", 12);
      const log = await notesOfLog(store);
      for (const last of [3, 6, 9]) {
        const name = `crash-${last}`;
        const dying = new Dying(store);
        const before = new Notes({
          name,
          onEvent: ({ version }) => {
            if (version !== last) return;
            dying.die();
            throw new Error(Dying.words);
          },
        });
        const options = { store: dying.store, pageSize: 2, retry: { maxAttempts: 1 } };
        const runner = await start(context, before, options);
        await expect(within(runner.done, "the runner to give up")).rejects.toThrow(Dying.words);

        const after = new Notes({ name });
        await runToHead(context, after);

        const restart = log.indexOf(after.seen[0] ?? "");
        expect(restart).toBeLessThanOrEqual(before.seen.length);
        expect(before.seen).toStrictEqual(log.slice(0, last - 1));
        expect(after.seen).toStrictEqual(log.slice(restart));
      }
    },
  },
  {
    id: "checkpoint.stop-catching-up",
    rule: "is written when a runner stops in the middle of its way to the head, so that nothing comes twice",
    async run(context) {
      const { store, within } = context;
      await append(store, "a-1", 12);
      const notes = new Notes({
        onEvent: ({ version }) => {
          if (version === 5) void first.stop();
        },
      });
      const first = await start(context, notes, { pageSize: 2 });
      await within(first.done, "the runner to be done");
      expect(notes.seen).toHaveLength(6);

      await runToHead(context, notes);

      expect(notes.seen).toStrictEqual(await notesOfLog(store));
    },
  },
  {
    id: "checkpoint.names",
    rule: "belongs to one projection: others of another name have their own",
    async run(context) {
      await append(context.store, "a-1", 3);
      const [one, two] = [new Notes({ name: "one" }), new Notes({ name: "two" })];
      await runToHead(context, one);
      await append(context.store, "a-1", 1);
      await runToHead(context, two);
      await runToHead(context, one);

      const log = await notesOfLog(context.store);
      expect([one.seen, two.seen]).toStrictEqual([log, log]);
    },
  },
  {
    id: "checkpoint.reset",
    rule: "is gone after a reset, so that a rebuild sees what the first run saw; without one a reset does nothing",
    async run(context) {
      const { store } = context;
      for (const id of ["a-1", "b-1", "a-1"]) await append(store, id, 3);
      const first = new Notes();
      await runToHead(context, first, { pageSize: 4 });

      expect(await resetProjection(store.registers, "notes")).toBe(true);
      expect(await resetProjection(store.registers, "notes")).toBe(false);
      const second = new Notes();
      await runToHead(context, second);

      expect(second.seen).toStrictEqual(first.seen);
      expect(second.seen).toStrictEqual(await notesOfLog(store));
    },
  },
  {
    id: "checkpoint.start",
    rule: "begins where the projection says, and remembers that, although nothing had to be handled",
    async run(context) {
      const { store } = context;
      const after = await append(store, "a-1", 2);
      const first = (await timesOf(store)).at(-1) ?? 0;
      let times: readonly number[] = [];
      // The clock of the store may tick slowly, and need not be that of this machine.
      do {
        await new Promise((resolve) => setTimeout(resolve, 2));
        await append(store, "a-1");
        times = await timesOf(store);
      } while (times.at(-1) === first);
      const time = new Date(times.at(-1) ?? 0);
      const behind = new Notes({ name: "behind", from: { after } });
      const since = new Notes({ name: "since", from: { time } });
      const now = new Notes({ name: "now", from: "now" });
      for (const notes of [behind, since, now]) await runToHead(context, notes);
      expect(now.seen).toStrictEqual([]);
      await append(store, "a-1");
      for (const notes of [behind, since, now]) await runToHead(context, notes);

      const log = await notesOfLog(store);
      expect(behind.seen).toStrictEqual(log.slice(2));
      expect(since.seen).toStrictEqual(log.slice(-2));
      expect(now.seen).toStrictEqual(log.slice(-1));
    },
  },
  {
    id: "checkpoint.rival",
    rule: "has one runner: a second one of the name takes it over, and the first gives up and says so",
    async run(context) {
      const { store, within, until } = context;
      await append(store, "a-1", 2);
      const [one, two] = [new Notes(), new Notes()];
      const first = await start(context, one);
      await until(() => one.count("caught-up") > 0, "the first runner to catch up");
      const second = await start(context, two);
      await until(() => two.count("caught-up") > 0, "the second runner to catch up");
      await append(store, "a-1", 2);

      await expect(within(first.done, "the first runner to give up")).rejects.toMatchObject({
        code: "ES_CHECKPOINT_CONFLICT",
      });
      await toHead(context, second);

      expect(first.status()).toMatchObject({ state: "failed", isHealthy: false });
      expect(two.seen).toStrictEqual(["a-1@3", "a-1@4"]);
    },
  },
];

/** When each event of the log was recorded. */
async function timesOf(store: EventStore<unknown>): Promise<readonly number[]> {
  const times: number[] = [];
  for await (const { events } of store.readAll()) times.push(...events.map(({ recordedAt }) => recordedAt));
  return times;
}
