import { isEventSourcingError, type NewEvent } from "@es/core";
import { describe, expect, it } from "vitest";
import { createMemoryEventStore } from "./memory-event-store.ts";

function event(n: number, members: Partial<NewEvent> = {}): NewEvent {
  return { type: "Happened", data: { n }, ...members };
}

// What every store promises is shown by the conformance kit; here is what only this one does.
describe("the memory store", () => {
  it("takes recordedAt from its clock, once for an append", async () => {
    let now = 1_000;
    await using store = createMemoryEventStore({ clock: () => (now += 1) });

    await store.append({ streamId: "a-1", expected: "any", events: [event(1), event(2)] });
    await store.append({ streamId: "a-1", expected: "any", events: [event(3)] });

    const times: number[] = [];
    for await (const events of store.readStream("a-1")) times.push(...events.map(({ recordedAt }) => recordedAt));
    expect(times).toStrictEqual([1_001, 1_001, 1_002]);
  });

  it("stores nothing when the clock throws", async () => {
    await using store = createMemoryEventStore({
      clock: () => {
        throw new Error("no time");
      },
    });

    const append = store.append({ streamId: "a-1", expected: "any", events: [event(1)] });

    await expect(append).rejects.toThrow("no time");
    expect(await store.head()).toBe("");
  });

  it("has stored an append when the call returns, before its promise is awaited", async () => {
    await using store = createMemoryEventStore();

    const append = store.append({ streamId: "a-1", expected: 0, events: [event(1)] });
    const second = store.append({ streamId: "a-1", expected: 1, events: [event(2)] });

    expect((await Promise.all([append, second])).map(({ versions }) => versions)).toStrictEqual([[1], [2]]);
  });

  it("reports progress over a long stretch that the filter leaves out", async () => {
    await using store = createMemoryEventStore();
    const noise = Array.from({ length: 12_000 }, (_, n) => event(n));
    await store.append({ streamId: "a-1", expected: "any", events: noise });

    const pages = [];
    for await (const page of store.readAll({ filter: { types: ["Rare"] } })) pages.push(page);

    expect(pages.map(({ events, isCaughtUp }) => [events.length, isCaughtUp])).toStrictEqual([
      [0, false],
      [0, false],
      [0, true],
    ]);
  });

  it("lets timers run while it reads a long log", async () => {
    await using store = createMemoryEventStore();
    const noise = Array.from({ length: 60_000 }, (_, n) => event(n));
    await store.append({ streamId: "a-1", expected: "any", events: noise });
    let hasRun = false;
    setImmediate(() => {
      hasRun = true;
    });

    let pagesBefore = 0;
    for await (const _page of store.readAll({ filter: { types: ["Rare"] } })) if (!hasRun) pagesBefore += 1;

    expect(hasRun).toBe(true);
    expect(pagesBefore).toBeLessThan(12);
  });

  it("lets go of a live reader that leaves", async () => {
    await using store = createMemoryEventStore();
    const controller = new AbortController();
    const pages = store.readAll({ live: true, signal: controller.signal })[Symbol.asyncIterator]();
    await pages.next();
    const waiting = pages.next();

    controller.abort();

    await expect(waiting).rejects.toSatisfy((error: unknown) => isEventSourcingError(error, "ES_ABORTED"));
    await store.append({ streamId: "a-1", expected: "any", events: [event(1)] });
    expect(await pages.next()).toStrictEqual({ done: true, value: undefined });
  });
});
