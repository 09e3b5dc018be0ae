import { type EventStore, type Page, type ReadAllOptions, type RecordedEvent, StoreUnavailableError } from "@es/core";
import { expect } from "vitest";
import { changed } from "../changed-store.ts";
import { append, Notes } from "../notes.ts";
import type { RunnerCase, RunnerCaseContext } from "../runner-case.ts";
import { runToHead, toHead } from "../running.ts";
import { VirtualClock } from "../virtual-clock.ts";

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
    id: "mismatch.while-running",
    rule: "a store that becomes another one while it is read is noticed when the read is taken up again, and nothing of it is handled",
    async run(context) {
      const { store, runners, within } = context;
      const other = await context.openOther();
      await append(store, "a-1", 3);
      await append(other, "a-1", 6);
      const swap = new AbortController();
      const current = (): EventStore<unknown> => (swap.signal.aborted ? other : store);
      const swapped = changed(store, {
        head: (options) => current().head(options),
        identity: (options) => current().identity(options),
        readStream: (streamId, options) => current().readStream(streamId, options),
        readAll: (options) => interrupted(current(), options, current() === store ? swap.signal : undefined),
      });
      const notes = new Notes();
      const runner = runners.atLeastOnce(notes.projection, { store: swapped, clock: new VirtualClock(5_000) });
      await within(runner.start(), "the runner to start");
      await toHead(context, runner);

      swap.abort();

      await expect(within(runner.done, "the runner to give up")).rejects.toMatchObject({
        code: "ES_CHECKPOINT_MISMATCH",
        reason: "foreign-store",
      });
      expect(notes.seen).toStrictEqual(["a-1@1", "a-1@2", "a-1@3"]);
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

/** A read of the log that fails when the signal aborts, as when the connection to the store is lost. */
async function* interrupted(
  store: EventStore<unknown>,
  options: ReadAllOptions = {},
  lost: AbortSignal | undefined,
): AsyncGenerator<Page, void, undefined> {
  const signals = [options.signal, lost].filter((signal) => signal !== undefined);
  try {
    yield* store.readAll({ ...options, signal: AbortSignal.any(signals) });
  } catch (error) {
    if (lost?.aborted) throw new StoreUnavailableError("the connection was lost", { cause: error });
    throw error;
  }
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
