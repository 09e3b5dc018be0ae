import type { RecordedEvent } from "@es/core";
import { type KurrentDouble, type Misbehaviour, startKurrentDouble } from "kurrentdb-double";
import { describe, expect, it } from "vitest";
import { type KurrentDbEventStore, openKurrentDbEventStore } from "../src/index.ts";
import { collect, readLog, writeOf } from "test-helpers";

const EVENTS = 1_000;
const PAGE = 100;

interface Both extends AsyncDisposable {
  readonly double: KurrentDouble;
  readonly store: KurrentDbEventStore;
  /** The reads that the server was asked for since the stream was written. */
  reads(): number;
}

/** A store that looks by itself so seldom that no test would wait for it, with one long stream. */
async function openWithStream(timeoutMs = 2_000): Promise<Both> {
  const double = await startKurrentDouble();
  const { connectionString } = double;
  const store = await openKurrentDbEventStore({ connectionString, timeoutMs, pollIntervalMs: 600_000 });
  await store.append(writeOf("a-1", "no-stream", EVENTS));
  const countReads = (): number => double.calls.filter(({ operation }) => operation === "read").length;
  const before = countReads();
  return {
    double,
    store,
    reads: () => countReads() - before,
    async [Symbol.asyncDispose]() {
      await store[Symbol.asyncDispose]();
      await double[Symbol.asyncDispose]();
    },
  };
}

function versionsOf(events: readonly RecordedEvent[]): readonly number[] {
  return events.map(({ version }) => version);
}

const ALL: readonly number[] = Array.from({ length: EVENTS }, (_, index) => index + 1);

describe("several pages in one read", () => {
  it("cost a stream of two pages one call, and one of more a second one", async () => {
    await using both = await openWithStream();

    const short = await pagesOf(both.store.readStream("a-1"));
    const between = both.reads();
    await both.store.append(writeOf("a-1", EVENTS, 1));
    const before = both.reads();
    const long = await collect(both.store.readStream("a-1"));

    expect(short.map(({ length }) => length)).toStrictEqual([500, 500]);
    expect(versionsOf(short.flat())).toStrictEqual(ALL);
    expect(versionsOf(long)).toStrictEqual([...ALL, EVENTS + 1]);
    expect([between, both.reads() - before]).toStrictEqual([1, 2]);
  });

  it("cost the log much fewer calls than pages, and give every event once in its order", async () => {
    await using both = await openWithStream();

    const pages = await pagesOf(both.store.readAll({ pageSize: 10 }));

    expect(versionsOf(pages.flatMap(({ events }) => events))).toStrictEqual(ALL);
    expect(pages).toHaveLength(EVENTS / 10);
    expect(pages.map(({ isCaughtUp }) => isCaughtUp)).toStrictEqual(pages.map((page) => page === pages.at(-1)));
    expect(both.reads()).toBeLessThan(EVENTS / 10 / 2);
  });

  it.each(["forward", "backward"] as const)("are read %s, from and to any version", async (direction) => {
    await using both = await openWithStream();
    const { store } = both;

    const events = await collect(store.readStream("a-1", { direction, from: 95, to: 905, pageSize: PAGE }));

    const expected = ALL.slice(94, 905);
    expect(versionsOf(events)).toStrictEqual(direction === "forward" ? expected : expected.toReversed());
  });

  it("ask for no more than the limit", async () => {
    await using both = await openWithStream();
    const { store, double } = both;
    const fault = double.misbehave({ on: "read", how: "stall", afterEvents: 151 });

    const events = await collect(store.readStream("a-1", { limit: 150, pageSize: PAGE }));

    expect(versionsOf(events)).toStrictEqual(ALL.slice(0, 150));
    expect([both.reads(), fault.hits]).toStrictEqual([1, 0]);
  });

  it("are given out one by one, while the server sends the others", async () => {
    await using both = await openWithStream();
    const { store, double } = both;
    const fault = double.misbehave({ on: "read", how: "stall", afterEvents: 150, times: 1 });
    await using ofStream = closing(store.readStream("a-1", { pageSize: PAGE, to: EVENTS }));
    await using ofLog = closing(store.readAll({ pageSize: PAGE }));

    const { value: first } = await ofStream.pages.next();
    fault.release();
    const { value: firstOfLog } = await ofLog.pages.next();

    expect(versionsOf(first ?? [])).toStrictEqual(ALL.slice(0, PAGE));
    expect(versionsOf(firstOfLog?.events ?? [])).toStrictEqual(ALL.slice(0, PAGE));
  });

  it.each<readonly [string, Misbehaviour]>([
    ["loses its connection", { on: "read", how: "drop", afterEvents: 130, times: 1 }],
    ["stalls", { on: "read", how: "stall", afterEvents: 130, times: 1 }],
    ["is cancelled", { on: "read", how: "fail", code: 1, afterEvents: 130, times: 1 }],
    ["loses its connection between two pages", { on: "read", how: "drop", afterEvents: PAGE, times: 1 }],
  ])("go on where they were when the read %s: nothing is missing, nothing comes twice", async (_, misbehaviour) => {
    await using both = await openWithStream();
    const { store, double } = both;

    const ofStreamFault = double.misbehave(misbehaviour);
    const ofStream = await collect(store.readStream("a-1", { pageSize: PAGE }));
    const ofLogFault = double.misbehave(misbehaviour);
    const ofLog = await pagesOf(store.readAll({ pageSize: PAGE }));

    expect([ofStreamFault.hits, ofLogFault.hits]).toStrictEqual([1, 1]);
    expect(versionsOf(ofStream)).toStrictEqual(ALL);
    expect(versionsOf(ofLog.flatMap(({ events }) => events))).toStrictEqual(ALL);
  });

  it("end by abort in the middle, and the store goes on to work", async () => {
    await using both = await openWithStream();
    const { store, double } = both;
    const stop = new AbortController();
    double.misbehave({ on: "read", how: "stall", afterEvents: 150, times: 1 });
    const seen: number[] = [];

    const read = (async () => {
      for await (const page of store.readStream("a-1", { pageSize: PAGE, to: EVENTS, signal: stop.signal })) {
        seen.push(page.length);
        setImmediate(() => stop.abort());
      }
    })();

    await expect(read).rejects.toMatchObject({ code: "ES_ABORTED" });
    expect(seen).toStrictEqual([PAGE]);
    expect(await readLog(store)).toHaveLength(EVENTS);
  });

  it("end with the store", async () => {
    const both = await openWithStream();
    const { store, double } = both;
    double.misbehave({ on: "read", how: "stall", afterEvents: 150 });
    const { pages } = closing(store.readAll({ pageSize: PAGE }));
    await pages.next();

    const [next] = await Promise.allSettled([pages.next(), both[Symbol.asyncDispose]()]);

    expect(next).toMatchObject({ status: "rejected", reason: { code: "ES_STORE_CLOSED" } });
  });

  it("are left in the middle as often as one likes", async () => {
    await using both = await openWithStream();
    const { store } = both;

    for (let turn = 0; turn < 50; turn += 1) {
      for await (const page of store.readStream("a-1", { pageSize: PAGE })) {
        expect(page).toHaveLength(PAGE);
        break;
      }
      for await (const page of store.readAll({ pageSize: PAGE })) {
        expect(page.events).toHaveLength(PAGE);
        break;
      }
    }

    expect(await readLog(store)).toHaveLength(EVENTS);
  });
});

describe("a live read of several pages", () => {
  it("shows what was stored after its read of the server had come to the end, without waiting", async () => {
    await using both = await openWithStream();
    const { store } = both;
    await using live = closing(store.readAll({ live: true }));
    const first = await live.pages.next();
    // Once a later read of as much is over, so is that one, which asked for both pages and more.
    await collect(store.readStream("a-1"));
    await store.append(writeOf("b-1", "no-stream", 1));

    const second = await live.pages.next();
    const third = await live.pages.next();

    expect([first, second, third].map(({ value }) => value?.events.length)).toStrictEqual([500, 500, 1]);
    expect([first, second, third].map(({ value }) => value?.isCaughtUp)).toStrictEqual([false, false, true]);
  });
});

async function pagesOf<Page>(read: AsyncIterable<Page>): Promise<readonly Page[]> {
  const pages: Page[] = [];
  for await (const page of read) pages.push(page);
  return pages;
}

/** Pages that are left with the scope. */
function closing<Page>(
  pages: AsyncIterable<Page>,
): { readonly pages: AsyncIterator<Page, undefined> } & AsyncDisposable {
  const iterator = pages[Symbol.asyncIterator]();
  return {
    pages: iterator,
    async [Symbol.asyncDispose]() {
      await iterator.return?.();
    },
  };
}
