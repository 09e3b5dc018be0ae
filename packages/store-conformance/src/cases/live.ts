import { expect } from "vitest";
import type { ConformanceCase } from "../conformance-case.ts";
import { LiveReader } from "../live-reader.ts";
import { happened, idsOf, writeOf } from "../new-events.ts";
import { logIds, readLog } from "../reading.ts";
import { expectRefusal } from "../refusal.ts";

/** Reads that go on at the head. What "must not arrive" is shown by a later event that has. */
export const liveCases: readonly ConformanceCase[] = [
  {
    id: "live.empty-store",
    rule: "a live read of an empty store is caught up at once and then gets the first event",
    async run({ store, until }) {
      const reader = new LiveReader(store);
      await until(() => reader.pages.length > 0, "the first page of an empty store");
      expect(reader.pages).toStrictEqual([{ events: [], next: "", isCaughtUp: true }]);

      const write = writeOf("a-1", "any");
      await store.append(write);
      await until(() => reader.has(write.events[0]?.id), "the first event");
      await reader.stop();

      expect(reader.ids).toStrictEqual(idsOf(write));
    },
  },
  {
    id: "live.existing-then-new",
    rule: "a live read shows what is stored and goes on with what comes, each event once, whatever the page size",
    async run({ store, until }) {
      await store.append(writeOf("a-1", "any", 7));
      const readers = [1, 2, 3, 7, 100].map((pageSize) => new LiveReader(store, { pageSize }));
      for (let n = 0; n < 10; n += 1) await store.append(writeOf(`b-${n % 3}`, "any", (n % 4) + 1));
      const marker = happened(0, { type: "Marker" });
      await store.append({ streamId: "m-1", expected: "any", events: [marker] });

      for (const reader of readers) await until(() => reader.has(marker.id), "the marker");
      await Promise.all(readers.map((reader) => reader.stop()));

      const ids = await logIds(store);
      for (const reader of readers) expect(reader.ids).toStrictEqual(ids);
    },
  },
  {
    id: "live.from-head",
    rule: "a live read that starts at the head, or at any position, shows only what lies behind it",
    async run({ store, until }) {
      await store.append(writeOf("a-1", "any", 5));
      const log = await readLog(store);
      const readers = [2, 4].map((index) => new LiveReader(store, { after: log[index]?.position ?? "" }));
      const write = writeOf("a-1", "any", 2);
      await store.append(write);

      for (const reader of readers) await until(() => reader.has(idsOf(write).at(-1)), "the newest event");
      await Promise.all(readers.map((reader) => reader.stop()));

      const ids = await logIds(store);
      expect(readers.map((reader) => reader.ids)).toStrictEqual([ids.slice(3), ids.slice(5)]);
    },
  },
  {
    id: "live.caught-up-each-time",
    rule: "a live read says that it is caught up each time it reaches the head, and only there",
    async run({ store, until }) {
      await store.append(writeOf("a-1", "any", 5));
      const reader = new LiveReader(store, { pageSize: 2 });
      for (let round = 0; round < 3; round += 1) {
        const head = await store.head();
        await until(() => reader.isCaughtUp && reader.hasPassed(head), `round ${round} to catch up`);
        const last = reader.pages.at(-1);
        expect(last?.next).toBe(head);
        const pagesBefore = reader.pages.length;
        await store.append(writeOf("a-1", "any", 5));
        await until(() => reader.pages.length > pagesBefore, "the next page");
        expect(reader.pages[pagesBefore]).toMatchObject({ isCaughtUp: false });
      }
      await reader.stop();

      expect(reader.ids).toStrictEqual((await logIds(store)).slice(0, reader.ids.length));
    },
  },
  {
    id: "live.filter",
    rule: "a filtered live read gets the matching events alone, and its `next` follows the head over the others",
    async run({ store, until }) {
      const reader = new LiveReader(store, { filter: { types: ["Wanted"] } });
      await until(() => reader.isCaughtUp, "the empty store");
      for (let n = 0; n < 5; n += 1) await store.append(writeOf("a-1", "any", 2));
      const head = await store.head();
      await until(() => reader.hasPassed(head), "`next` to pass the events that were left out");
      expect(reader.pages.at(-1)).toStrictEqual({ events: [], next: head, isCaughtUp: true });

      const wanted = happened(1, { type: "Wanted" });
      await store.append({ streamId: "a-1", expected: "any", events: [happened(0), wanted, happened(2)] });
      await until(() => reader.has(wanted.id), "the event that matches");
      const end = await store.head();
      await until(() => reader.hasPassed(end), "`next` to reach the head");
      await reader.stop();

      expect(reader.ids).toStrictEqual([wanted.id]);
    },
  },
  {
    id: "live.independent-readers",
    rule: "live reads do not disturb each other: one ends, another is slow, a third gets everything",
    async run({ store, until, within }) {
      const [leaving, staying] = [new LiveReader(store), new LiveReader(store)];
      const slow = store.readAll({ live: true, pageSize: 1 })[Symbol.asyncIterator]();
      await within(slow.next(), "the first page of the slow reader");
      const first = writeOf("a-1", "any");
      await store.append(first);
      await until(() => leaving.has(first.events[0]?.id), "the first event");
      await leaving.stop();
      const rest = writeOf("a-1", 1, 6);
      await store.append(rest);
      await until(() => staying.has(idsOf(rest).at(-1)), "the last event");
      await staying.stop();

      expect(staying.ids).toStrictEqual([...idsOf(first), ...idsOf(rest)]);
      expect(leaving.ids).toStrictEqual(idsOf(first));
      const slowIds: string[] = [];
      while (slowIds.length < 7) {
        const { value } = await within(slow.next(), "a page of the slow reader");
        slowIds.push(...(value?.events ?? []).map(({ id }: { readonly id: string }) => id));
      }
      await within(Promise.resolve(slow.return?.()), "the slow reader to leave");
      expect(slowIds).toStrictEqual(staying.ids);
    },
  },
  {
    id: "live.limit",
    rule: "a live read with a limit ends by itself after that many events, whether they were there or came later",
    async run({ store, within }) {
      await store.append(writeOf("a-1", "any", 2));
      const reader = new LiveReader(store, { limit: 5 });
      await store.append(writeOf("a-1", "any", 2));
      await store.append(writeOf("a-1", "any", 2));

      expect(await within(reader.ended, "the read to end at its limit")).toBeUndefined();
      expect(reader.ids).toStrictEqual((await logIds(store)).slice(0, 5));
    },
  },
  {
    id: "live.abort-while-waiting",
    rule: "aborting a live read that waits ends it promptly with an AbortedError that carries the reason",
    async run({ store, within }) {
      const controller = new AbortController();
      const pages = store.readAll({ live: true, signal: controller.signal })[Symbol.asyncIterator]();
      await within(pages.next(), "the first page");
      const waiting = pages.next();
      const reason = new Error("the user left");

      setTimeout(() => controller.abort(reason), 5);

      await expectRefusal(within(waiting, "the aborted read to end"), "ES_ABORTED", {
        retryable: false,
        cause: reason,
      });
      expect(await within(pages.next(), "the ended read")).toStrictEqual({ done: true, value: undefined });
    },
  },
  {
    id: "live.abort-between-pages",
    rule: "aborting a live read between two pages ends it instead of the next page",
    async run({ store, within }) {
      await store.append(writeOf("a-1", "any", 6));
      const controller = new AbortController();
      const pages = store.readAll({ live: true, pageSize: 2, signal: controller.signal })[Symbol.asyncIterator]();
      await within(pages.next(), "the first page");

      controller.abort();

      await expectRefusal(within(pages.next(), "the aborted read to end"), "ES_ABORTED");
    },
  },
  {
    id: "live.break",
    rule: "breaking out of a live read ends it at once, and the store goes on",
    async run({ store, within }) {
      const write = writeOf("a-1", "any", 3);
      await store.append(write);
      const leave = async (): Promise<number> => {
        let pages = 0;
        for await (const page of store.readAll({ live: true, pageSize: 1 })) {
          pages += page.events.length;
          if (pages === 2) break;
        }
        return pages;
      };

      const counts = await within(Promise.all(Array.from({ length: 20 }, leave)), "20 readers to leave");

      expect(counts).toStrictEqual(Array.from({ length: 20 }, () => 2));
      await store.append(writeOf("a-1", 3));
      expect((await logIds(store)).slice(0, 3)).toStrictEqual(idsOf(write));
    },
  },
  {
    id: "live.other-instance",
    rule: "a live read gets what another instance on the same data appends",
    needs: "shared",
    async run({ store, openAgain, until }) {
      const other = await openAgain();
      const reader = new LiveReader(store);
      await until(() => reader.isCaughtUp, "the empty store");
      for (let n = 0; n < 3; n += 1) {
        const write = writeOf("a-1", n);
        await other.append(write);
        await until(() => reader.has(write.events[0]?.id), "an event of the other instance");
      }
      await reader.stop();

      expect(reader.ids).toStrictEqual(await logIds(store));
    },
  },
];
