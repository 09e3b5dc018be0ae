import type { EventStore, ReadStreamOptions } from "@es/core";
import { expect } from "vitest";
import type { ConformanceCase } from "../conformance-case.ts";
import { appendAll, happenings, idsOf, untyped, writeOf } from "../new-events.ts";
import { collect, readLog, readStream } from "../reading.ts";
import { expectRefusal } from "../refusal.ts";
import { selectFromStream } from "../select-from-stream.ts";

const FROM = [undefined, 0, 1, 2, 3, 10];
const TO = [undefined, 0, 1, 2, 3, 10];
const LIMIT = [undefined, 0, 1, 2, 10];
const PAGE_SIZE = [undefined, 1, 2, 3];

/** Options without the members that are `undefined`, which the contract tells apart from absent ones. */
function optionsOf(
  members: { readonly [Name in keyof ReadStreamOptions]: ReadStreamOptions[Name] | undefined },
): ReadStreamOptions {
  return untyped(Object.fromEntries(Object.entries(members).filter(([, value]) => value !== undefined)));
}

const MATRIX: readonly ReadStreamOptions[] = FROM.flatMap((from) =>
  TO.flatMap((to) =>
    (["forward", "backward"] as const).flatMap((direction) => LIMIT.map((limit) => ({ from, to, direction, limit }))),
  ),
).map((members, index) => optionsOf({ ...members, pageSize: PAGE_SIZE[index % PAGE_SIZE.length] }));

async function expectMatrix(
  store: EventStore<unknown>,
  streamId: string,
  direction: "forward" | "backward",
): Promise<void> {
  const all = (await readLog(store)).filter((event) => event.streamId === streamId);
  for (const options of MATRIX) {
    if (options.direction !== direction) continue;
    const pages = await collect(store.readStream(streamId, options));
    expect(pages.flat(), JSON.stringify(options)).toStrictEqual(selectFromStream(all, options));
    expect(Math.max(0, ...pages.map((page) => page.length))).toBeLessThanOrEqual(options.pageSize ?? 500);
  }
}

/** Reading one stream. */
export const readStreamCases: readonly ConformanceCase[] = [
  ...(["forward", "backward"] as const).map(
    (direction): ConformanceCase => ({
      id: `read-stream.${direction}`,
      rule: `reading ${direction} between any bounds with any limit gives what a filter over the whole stream gives`,
      timeoutMs: 30_000,
      async run({ store }) {
        await store.append(writeOf("a-2", "any", 2));
        await store.append(writeOf("a-1", "any", 2));
        await store.append(writeOf("a-2", "any"));
        await store.append(writeOf("a-1", "any"));

        await expectMatrix(store, "a-1", direction);
        await expectMatrix(store, "absent-1", direction);
      },
    }),
  ),
  {
    id: "read-stream.absent",
    rule: "a stream that does not exist has no events, also beside streams whose ids begin alike",
    async run({ store }) {
      await store.append(writeOf("a-12", "any"));

      expect(await readStream(store, "a-1")).toStrictEqual([]);
      expect(await readStream(store, "a")).toStrictEqual([]);
      expect(await readStream(store, "a-12x", { direction: "backward" })).toStrictEqual([]);
    },
  },
  {
    id: "read-stream.page-sizes",
    rule: "pages of any size hold the same events in the same order, and none is larger than asked for",
    async run({ store }) {
      const write = writeOf("a-1", "any", 12);
      await store.append(write);
      const ids = idsOf(write);

      for (const pageSize of [1, 2, 3, 5, 6, 11, 12, 13, 1_000]) {
        const forward = await collect(store.readStream("a-1", { pageSize }));
        const backward = await collect(store.readStream("a-1", { pageSize, direction: "backward" }));
        const limited = await collect(store.readStream("a-1", { pageSize, limit: 7, from: 3 }));

        expect(forward.flat().map(({ id }) => id)).toStrictEqual(ids);
        expect(backward.flat().map(({ id }) => id)).toStrictEqual(ids.toReversed());
        expect(limited.flat().map(({ id }) => id)).toStrictEqual(ids.slice(2, 9));
        const longest = Math.max(...[...forward, ...backward, ...limited].map((page) => page.length));
        expect(longest).toBeLessThanOrEqual(pageSize);
      }
    },
  },
  {
    id: "read-stream.default-page",
    rule: "without a page size, no page is larger than 500 events, and a longer stream is read whole",
    async run({ store }) {
      await appendAll(store, "a-1", happenings(1_200));

      const pages = await collect(store.readStream("a-1"));

      expect(pages.every((page) => page.length <= 500)).toBe(true);
      expect(pages.flat().map(({ version }) => version)).toStrictEqual(
        Array.from({ length: 1_200 }, (_, index) => index + 1),
      );
    },
  },
  {
    id: "read-stream.streams-do-not-mix",
    rule: "a stream holds its own events and no others, although they were stored in turn",
    async run({ store }) {
      const writes = Array.from({ length: 30 }, (_, index) => writeOf(`a-${index % 3}`, "any", (index % 2) + 1));
      for (const write of writes) await store.append(write);

      for (const streamId of ["a-0", "a-1", "a-2"]) {
        const own = writes.filter((write) => write.streamId === streamId).flatMap(idsOf);
        const events = await readStream(store, streamId);
        expect(events.map(({ id }) => id)).toStrictEqual(own);
        expect(events.map(({ version }) => version)).toStrictEqual(own.map((_, index) => index + 1));
        expect(new Set(events.map((event) => event.streamId))).toStrictEqual(new Set([streamId]));
      }
    },
  },
  {
    id: "read-stream.while-appending",
    rule: "a read that other appends overtake gives a stretch of the stream without hole or double, from its start",
    async run({ store }) {
      await store.append(writeOf("a-1", "any", 6));
      const versions: number[] = [];
      let appended = 0;

      for await (const page of store.readStream("a-1", { pageSize: 2 })) {
        versions.push(...page.map(({ version }) => version));
        if (appended < 5) await store.append(writeOf("a-1", "any", 2));
        appended += 1;
      }

      expect(versions.length).toBeGreaterThanOrEqual(6);
      expect(versions).toStrictEqual(versions.map((_, index) => index + 1));
    },
  },
  {
    id: "read-stream.infinity-means-all",
    rule: "Infinity as upper bound, limit or page size means all",
    async run({ store }) {
      const write = writeOf("a-1", "any", 5);
      await store.append(write);
      const all = Number.POSITIVE_INFINITY;

      const events = await readStream(store, "a-1", { to: all, limit: all, pageSize: all });

      expect(events.map(({ id }) => id)).toStrictEqual(idsOf(write));
    },
  },
  {
    id: "read-stream.refuses-nonsense",
    rule: "bounds, limits, page sizes and directions that make no sense are refused",
    async run({ store }) {
      await store.append(writeOf("a-1", "any"));
      const wrong = [
        { from: -1 },
        { from: 1.5 },
        { to: -1 },
        { to: Number.NaN },
        { limit: -1 },
        { limit: 0.5 },
        { pageSize: 0 },
        { pageSize: -1 },
        { pageSize: 2.5 },
        { direction: "sideways" },
        { from: "1" },
        { limit: "2" },
      ];

      for (const options of wrong) {
        await expectRefusal(collect(store.readStream("a-1", untyped<ReadStreamOptions>(options))), "ES_CONFIGURATION");
        await expectRefusal(
          collect(store.readStream("absent-1", untyped<ReadStreamOptions>(options))),
          "ES_CONFIGURATION",
        );
      }
    },
  },
];
