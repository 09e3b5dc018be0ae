import { StoreUnavailableError } from "@es/core";
import { expect } from "vitest";
import { listParked } from "../../index.ts";
import { append, Notes, notesOfLog } from "../notes.ts";
import type { RunnerCase, RunnerCaseContext } from "../runner-case.ts";
import { start, stop, toHead } from "../running.ts";
import { VirtualClock } from "../virtual-clock.ts";

const options = () => ({ clock: new VirtualClock(5_000), onFailure: "park" as const });

/** Notes that refuse some events, by note, until those are taken off the list. */
function picky(...bad: string[]): { readonly notes: Notes; readonly bad: Set<string> } {
  const refused = new Set(bad);
  const notes = new Notes({
    onEvent: ({ streamId, version }) => {
      if (refused.has(`${streamId}@${version}`)) throw new Error("no");
    },
  });
  return { notes, bad: refused };
}

/** Stores three streams, the first of which is to fail at its second event. */
async function fill({ store }: RunnerCaseContext): Promise<void> {
  for (const id of ["a-1", "b-1", "a-1", "c-1", "a-1", "b-1"]) await append(store, id);
}

const OTHERS = ["a-1@1", "b-1@1", "c-1@1", "b-1@2"];

/** Streams that are held back, so that the others can go on. */
export const parkingCases: readonly RunnerCase[] = [
  {
    id: "parking.park",
    rule: "holds back an event that fails too often with all later ones of its stream, handles the others, and is not healthy",
    async run(context) {
      const { notes } = picky("a-1@2");
      await fill(context);
      const runner = await start(context, notes, options());
      await toHead(context, runner);
      expect(notes.seen).toStrictEqual(OTHERS);
      await append(context.store, "a-1");
      await append(context.store, "c-1");

      await toHead(context, runner);

      expect(notes.seen).toStrictEqual([...OTHERS, "c-1@2"]);
      expect(runner.parked()).toMatchObject([
        { streamId: "a-1", firstVersion: 2, lastVersion: 4, events: 3, error: "no" },
      ]);
      expect(runner.status()).toMatchObject({ isHealthy: false, parkedStreams: 1, parkedEvents: 3 });
    },
  },
  {
    id: "parking.replay",
    rule: "handles what was held back in the order of the stream once it is told to, and is healthy again",
    async run(context) {
      const { notes, bad } = picky("a-1@2");
      await fill(context);
      const runner = await start(context, notes, options());
      await toHead(context, runner);
      bad.clear();

      expect(await context.within(runner.replayParked(), "the replay")).toBe(2);
      await append(context.store, "a-1");
      await toHead(context, runner);

      expect(notes.seen).toStrictEqual([...OTHERS, "a-1@2", "a-1@3", "a-1@4"]);
      expect(runner.parked()).toStrictEqual([]);
      expect(runner.status().isHealthy).toBe(true);
    },
  },
  {
    id: "parking.replay-late",
    rule: "replays what it held back and no later event that it has not come to yet, which is then handled once",
    async run(context) {
      const { notes, bad } = picky("a-1@2");
      await fill(context);
      const runner = await start(context, notes, options());
      await toHead(context, runner);
      await context.within(runner.pause(), "the pause");
      await append(context.store, "a-1", 2);
      bad.clear();

      expect(await context.within(runner.replayParked(), "the replay")).toBe(2);
      runner.resume();
      await toHead(context, runner);

      expect(notes.seen).toStrictEqual([...OTHERS, "a-1@2", "a-1@3", "a-1@4", "a-1@5"]);
    },
  },
  {
    id: "parking.restart",
    rule: "still holds a stream back after a restart, and can be asked for the list without a runner",
    async run(context) {
      const { store } = context;
      const { notes, bad } = picky("a-1@2");
      await fill(context);
      const first = await start(context, notes, options());
      await toHead(context, first);
      await stop(context, first);
      await append(store, "a-1");
      bad.clear();

      const second = await start(context, notes, options());
      await toHead(context, second);
      expect(notes.seen).toStrictEqual(OTHERS);
      expect(await listParked(store.registers, "notes")).toMatchObject([{ streamId: "a-1", firstVersion: 2 }]);
      await context.within(second.replayParked("a-1"), "the replay");

      expect(notes.seen).toStrictEqual([...OTHERS, "a-1@2", "a-1@3", "a-1@4"]);
      expect(await listParked(store.registers, "notes")).toStrictEqual([]);
    },
  },
  {
    id: "parking.fails-again",
    rule: "keeps an event that fails again in its replay, and the later ones behind it",
    async run(context) {
      const { notes, bad } = picky("a-1@2", "a-1@3");
      await fill(context);
      await append(context.store, "a-1");
      const runner = await start(context, notes, options());
      await toHead(context, runner);
      bad.delete("a-1@2");

      await expect(context.within(runner.replayParked(), "the replay")).rejects.toMatchObject({
        code: "ES_HANDLER_FAILED",
        event: { streamId: "a-1", version: 3 },
      });
      expect(runner.parked()).toMatchObject([{ streamId: "a-1", firstVersion: 3, events: 2 }]);
      bad.clear();
      await context.within(runner.replayParked(), "the second replay");

      expect(notes.seen).toStrictEqual([...OTHERS, "a-1@2", "a-1@3", "a-1@4"]);
    },
  },
  {
    id: "parking.discard",
    rule: "forgets what is held back of a stream when it is told to, and handles later events of it",
    async run(context) {
      const { notes } = picky("a-1@2");
      await fill(context);
      const runner = await start(context, notes, options());
      await toHead(context, runner);

      expect(await context.within(runner.discardParked("a-1"), "the discard")).toBe(2);
      await append(context.store, "a-1");
      await toHead(context, runner);

      expect(notes.seen).toStrictEqual([...OTHERS, "a-1@4"]);
      expect(runner.status()).toMatchObject({ isHealthy: true, parkedEvents: 0 });
    },
  },
  {
    id: "parking.full",
    rule: "stops when more would have to be held back than it may, and loses nothing",
    async run(context) {
      const { notes, bad } = picky("a-1@2");
      await fill(context);
      const full = await start(context, notes, { ...options(), onFailure: { park: { maxEvents: 1 } } });
      await expect(context.within(full.done, "the runner to give up")).rejects.toMatchObject({
        code: "ES_PARKING_FULL",
      });
      expect(full.status()).toMatchObject({ state: "failed", isHealthy: false });
      bad.clear();

      const runner = await start(context, notes, options());
      await toHead(context, runner);
      await context.within(runner.replayParked(), "the replay");

      // The page in which it stopped comes again, as at-least-once delivery may do; nothing is missing.
      expect([...new Set(notes.seen)].toSorted()).toStrictEqual([...OTHERS, "a-1@2", "a-1@3"].toSorted());
    },
  },
  {
    id: "parking.outage",
    rule: "never blames an event for an outage of what the handler needs: nothing is held back, and it goes on afterwards",
    async run(context) {
      let outages = 5;
      const notes = new Notes({
        onEvent: () => {
          if (outages-- > 0) throw new StoreUnavailableError("the read model is away");
        },
      });
      await fill(context);

      const runner = await start(context, notes, options());
      await toHead(context, runner);

      expect(notes.seen).toStrictEqual(await notesOfLog(context.store));
      expect(runner.parked()).toStrictEqual([]);
    },
  },
];
