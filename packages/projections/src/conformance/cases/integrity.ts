import type { EventStore, RecordedEvent } from "@es/core";
import { expect } from "vitest";
import { changedFeed } from "../changed-store.ts";
import { append, Notes } from "../notes.ts";
import type { RunnerCase, RunnerCaseContext } from "../runner-case.ts";

type Change = (events: readonly RecordedEvent[]) => readonly RecordedEvent[];

/** Expects that a runner stops in front of what is wrong with the feed, and names it. */
async function expectAlarm(
  context: RunnerCaseContext,
  change: Change,
  fault: { readonly expected: number; readonly actual: number },
): Promise<void> {
  const { store, runners, within } = context;
  await append(store, "b-1", 2);
  await append(store, "a-1", 5);
  const wrong: EventStore<unknown> = changedFeed(store, (page) => ({ ...page, events: change(page.events) }));
  const notes = new Notes();
  const runner = runners.atLeastOnce(notes.projection, { store: wrong, pageSize: 100 });
  const error = { code: "ES_FEED_INTEGRITY", streamId: "a-1", ...fault };

  await within(runner.start(), "the runner to start");

  await expect(within(runner.done, "the runner to give up")).rejects.toMatchObject(error);
  await expect(within(runner.waitFor(await store.head()), "the wait to end")).rejects.toMatchObject(error);
  expect(runner.status()).toMatchObject({ state: "failed", isHealthy: false, lastError: error });
  expect(notes.seen).not.toContain("a-1@5");
}

/** A feed that is not complete is named, and nothing behind the fault is handled. */
export const integrityCases: readonly RunnerCase[] = [
  {
    id: "integrity.hole",
    rule: "a hole in a stream stops the runner, which names it",
    run: (context) =>
      expectAlarm(context, (events) => events.filter((event) => event.streamId !== "a-1" || event.version !== 3), {
        expected: 3,
        actual: 4,
      }),
  },
  {
    id: "integrity.double",
    rule: "an event that comes twice stops the runner, which names it",
    run: (context) =>
      expectAlarm(
        context,
        (events) =>
          events.flatMap((event) => (event.streamId === "a-1" && event.version === 3 ? [event, event] : [event])),
        { expected: 4, actual: 3 },
      ),
  },
  {
    id: "integrity.order",
    rule: "events of a stream in another order stop the runner, which names the first",
    run: (context) =>
      expectAlarm(context, (events) => [...events].sort((a, b) => (a.streamId === "a-1" ? b.version - a.version : 0)), {
        expected: 1,
        actual: 5,
      }),
  },
  {
    id: "integrity.beginning",
    rule: "a stream without its beginning stops a runner that reads from the beginning of the store",
    run: (context) =>
      expectAlarm(context, (events) => events.filter((event) => event.streamId !== "a-1" || event.version > 1), {
        expected: 1,
        actual: 2,
      }),
  },
];
