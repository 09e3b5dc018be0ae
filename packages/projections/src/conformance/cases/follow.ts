import { expect } from "vitest";
import { changed } from "../changed-store.ts";
import { nextTurn } from "../next-turn.ts";
import { append, appendTogether, Notes, notesOfLog } from "../notes.ts";
import type { RunnerCase } from "../runner-case.ts";
import { start, stop, toHead } from "../running.ts";

/** From catch-up to live with one cursor: no event is missed, and none comes twice. */
export const followCases: readonly RunnerCase[] = [
  {
    id: "follow.hand-over",
    rule: "works through what is stored and goes on with what comes, each event once and in order, whatever the page size",
    async run({ store, runners, until, within }) {
      await appendTogether(store, "a-1", 7);
      await append(store, "b-1", 3);
      const all = [1, 2, 3, 10, 100].map((pageSize) => {
        const notes = new Notes({ name: `notes-${pageSize}` });
        return { notes, runner: runners.atLeastOnce(notes.projection, { store, pageSize, onReport: notes.onReport }) };
      });
      await within(Promise.all(all.map(({ runner }) => runner.start())), "the runners to start");
      for (const { notes } of all) await until(() => notes.count("caught-up") > 0, "a runner to catch up");
      await appendTogether(store, "b-1", 4);
      const head = await append(store, "a-1", 3);

      for (const { runner } of all) await within(runner.waitFor(head), "a runner to reach the head");

      const log = await notesOfLog(store);
      expect(log).toHaveLength(17);
      for (const { notes, runner } of all) {
        expect(notes.seen).toStrictEqual(log);
        expect(runner.status()).toMatchObject({ state: "live", isHealthy: true, position: head, events: 17 });
      }
    },
  },
  {
    id: "follow.empty-store",
    rule: "is live at once over an empty store and then handles the first event",
    async run({ store, runners, until, within }) {
      const notes = new Notes();
      const runner = runners.atLeastOnce(notes.projection, { store, onReport: notes.onReport });
      await within(runner.start(), "the runner to start");
      await until(() => runner.status().state === "live", "the runner to be live");

      await within(runner.waitFor(await append(store, "a-1")), "the first event");

      expect(notes.seen).toStrictEqual(["a-1@1"]);
    },
  },
  {
    id: "follow.busy-writer",
    rule: "handles every event once and in order while writers never pause, before, during and after the hand-over",
    async run({ store, runners, within }) {
      for (let round = 0; round < 5; round += 1) for (const id of ["a-1", "b-1", "b-2"]) await append(store, id);
      // Slow while it catches up, so that the hand-over falls among the writes.
      const notes = new Notes({ onEvent: ({ version }) => (version <= 5 ? nextTurn() : undefined) });
      const runner = runners.atLeastOnce(notes.projection, { store, pageSize: 7 });
      const write = async (streamId: string): Promise<void> => {
        for (let count = 0, rest = 15; rest > 0 && count < 1_000; count += 1) {
          await append(store, streamId);
          // A store in memory would never let the runner have its turn.
          await nextTurn();
          if (runner.status().state === "live") rest -= 1;
        }
      };
      const writers = Promise.all(["a-1", "b-1", "b-2", "c-1"].map(write));
      await within(runner.start(), "the runner to start");
      await within(writers, "the writers to end");

      await within(runner.waitFor(await store.head()), "the runner to reach the head");

      expect(notes.seen).toStrictEqual(await notesOfLog(store));
    },
  },
  {
    id: "follow.one-at-a-time",
    rule: "never runs two handlers at once, however often it is woken up meanwhile",
    async run({ store, runners, within }) {
      let running = 0;
      let most = 0;
      const notes = new Notes({
        onEvent: async () => {
          running += 1;
          most = Math.max(most, running);
          await new Promise((resolve) => setTimeout(resolve, 2));
          running -= 1;
        },
      });
      const runner = runners.atLeastOnce(notes.projection, { store, pageSize: 3 });
      await within(runner.start(), "the runner to start");
      await within(Promise.all(["a-1", "b-1", "c-1"].map((id) => append(store, id, 5))), "the writers to end");

      await within(runner.waitFor(await store.head()), "the runner to reach the head");

      expect(most).toBe(1);
      expect(notes.seen).toStrictEqual(await notesOfLog(store));
    },
  },
  {
    id: "follow.filter",
    rule: "handles the events of its categories and types alone, stored or new, and comes as far as the head",
    async run({ store, runners, within }) {
      const write = async (): Promise<void> => {
        await append(store, "a-1", 2, "Wanted");
        await append(store, "b-1", 2, "Wanted");
        await append(store, "a-1", 2, "Other");
      };
      await write();
      const notes = new Notes({ filter: { categories: ["a"], types: ["Wanted"] } });
      const runner = runners.atLeastOnce(notes.projection, { store, pageSize: 2 });
      await within(runner.start(), "the runner to start");
      await within(runner.waitFor(await store.head()), "the runner to pass the events that it does not read");
      await write();

      await within(runner.waitFor(await store.head()), "the runner to reach the head");

      expect(notes.seen).toStrictEqual(["a-1@1", "a-1@2", "a-1@5", "a-1@6"]);
    },
  },
  {
    id: "follow.bounded",
    rule: "reads one page ahead of a slow handler and no further",
    async run({ store, runners, until, within }) {
      await append(store, "a-1", 12);
      let pages = 0;
      const counting = changed(store, {
        async *readAll(options) {
          for await (const page of store.readAll(options)) {
            pages += 1;
            yield page;
          }
        },
      });
      const leave = Promise.withResolvers<void>();
      const notes = new Notes({ onEvent: () => leave.promise });
      const runner = runners.atLeastOnce(notes.projection, { store: counting, pageSize: 2 });
      await within(runner.start(), "the runner to start");
      await until(() => pages === 2, "the second page to be read");
      await append(store, "a-1", 3);

      const ahead = pages;
      leave.resolve();
      await within(runner.waitFor(await store.head()), "the runner to reach the head");

      expect(ahead).toBe(2);
      expect(notes.seen).toStrictEqual(await notesOfLog(store));
    },
  },
  {
    id: "follow.stops",
    rule: "handles every event once and in order when it is stopped and started at any moment while writers go on",
    async run(context) {
      const { store } = context;
      const notes = new Notes();
      for (let round = 0; round < 8; round += 1) {
        const writers = Promise.all(["a-1", "b-1"].map((streamId) => append(store, streamId, 1 + (round % 3))));
        const runner = await start(context, notes, { pageSize: 1 + (round % 4) });
        for (let turns = 0; turns < round % 3; turns += 1) await nextTurn();
        await stop(context, runner);
        await context.within(writers, "the writers to end");
      }

      await toHead(context, await start(context, notes));

      expect(notes.seen).toStrictEqual(await notesOfLog(store));
    },
  },
  {
    id: "follow.other-instance",
    rule: "handles what another instance of the store appends",
    needs: "shared",
    async run({ store, openAgain, runners, until, within }) {
      const other = await openAgain();
      const notes = new Notes();
      const runner = runners.atLeastOnce(notes.projection, { store });
      await within(runner.start(), "the runner to start");
      await until(() => runner.status().state === "live", "the runner to be live");
      await Promise.all([append(other, "a-1", 10), append(store, "b-1", 10)]);

      await within(runner.waitFor(await other.head()), "the events of the other instance");

      expect(notes.seen).toStrictEqual(await notesOfLog(store));
      expect(notes.seen).toHaveLength(20);
    },
  },
];
