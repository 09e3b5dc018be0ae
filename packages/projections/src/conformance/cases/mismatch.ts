import type { EventStore, RecordedEvent } from "@es/core";
import { expect } from "vitest";
import { changed } from "../changed-store.ts";
import { append, Notes } from "../notes.ts";
import type { RunnerCase, RunnerCaseContext } from "../runner-case.ts";
import { runToHead } from "../running.ts";

/** A checkpoint that does not fit the store is a typed error, never silence. */
export const mismatchCases: readonly RunnerCase[] = [
  {
    id: "mismatch.foreign-store",
    rule: "a checkpoint of another store, such as one that was created anew, is refused and stays as it was",
    async run(context) {
      const { store } = context;
      const other = await context.openOther();
      await append(store, "a-1", 3);
      await append(other, "a-1", 5);
      await runToHead(context, new Notes());

      await expectRefusal(context, changed(other, { registers: store.registers }), {
        code: "ES_CHECKPOINT_MISMATCH",
        reason: "foreign-store",
      });

      await expectFits(context);
    },
  },
  {
    id: "mismatch.restored",
    rule: "a checkpoint ahead of the head of a store that was restored is refused and stays as it was",
    async run(context) {
      const { store } = context;
      const position = await append(store, "a-1", 3);
      await append(store, "a-1", 2);
      await runToHead(context, new Notes());

      await expectRefusal(context, restoredTo(store, position), { code: "ES_CHECKPOINT_MISMATCH", reason: "ahead" });

      await expectFits(context);
    },
  },
  {
    id: "mismatch.other-history",
    rule: "a checkpoint whose last event the store does not have any more is refused, although the head has passed it",
    async run(context) {
      const { store } = context;
      await append(store, "a-1", 3);
      await runToHead(context, new Notes());
      const rewritten = changed(store, {
        async *readStream(streamId, options) {
          for await (const events of store.readStream(streamId, options)) {
            yield events.map((event): RecordedEvent => ({ ...event, id: globalThis.crypto.randomUUID() }));
          }
        },
      });

      await expectRefusal(context, rewritten, { code: "ES_CHECKPOINT_MISMATCH", reason: "other-history" });

      await expectFits(context);
    },
  },
  {
    id: "mismatch.unreadable",
    rule: "a checkpoint that cannot be read is refused and stays as it was, for somebody to look at",
    async run(context) {
      const { store } = context;
      await append(store, "a-1", 3);
      for (const garbage of ["7", "{}", "nonsense", '{"format":999}']) {
        await store.registers.set("checkpoint:notes", garbage);

        await expectRefusal(context, store, { code: "ES_CHECKPOINT_UNREADABLE", key: "checkpoint:notes" });

        expect((await store.registers.get("checkpoint:notes"))?.value).toBe(garbage);
      }
    },
  },
];

/** Expects that a runner over this store handles nothing and says why. */
async function expectRefusal(
  { runners, within }: RunnerCaseContext,
  store: EventStore<unknown>,
  error: Readonly<Record<string, unknown>>,
): Promise<void> {
  const notes = new Notes();
  const runner = runners.atLeastOnce(notes.projection, { store });
  await expect(within(runner.start(), "the start to be refused")).rejects.toMatchObject(error);
  await expect(within(runner.done, "the runner to be done")).rejects.toMatchObject(error);
  expect(runner.status()).toMatchObject({ state: "failed", isHealthy: false, lastError: error });
  expect(notes.seen).toStrictEqual([]);
}

/** Expects that the checkpoint still fits the store it was written for. */
async function expectFits(context: RunnerCaseContext): Promise<void> {
  const notes = new Notes();
  await runToHead(context, notes);
  expect(notes.seen).toStrictEqual([]);
}

/** The store as it was when a position was its head, with the registers as they are. */
function restoredTo(store: EventStore<unknown>, head: string): EventStore<unknown> {
  return changed(store, {
    head: async () => head,
    async *readStream(streamId, options) {
      for await (const events of store.readStream(streamId, options)) {
        yield events.filter(({ position }) => position <= head);
      }
    },
    async *readAll(options) {
      for await (const page of store.readAll(options)) {
        yield {
          events: page.events.filter(({ position }) => position <= head),
          next: page.next < head ? page.next : head,
          isCaughtUp: page.next >= head,
        };
      }
    },
  });
}
