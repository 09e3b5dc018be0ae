import type { EventStore, ReadAllOptions } from "@es/core";
import { expect } from "vitest";
import type { ConformanceCase } from "../conformance-case.ts";
import { appendAll, idsOf, untyped, writeOf } from "../new-events.ts";
import { collect, logIds, readLog, readPages, readStream } from "../reading.ts";
import { expectRefusal } from "../refusal.ts";

/** Stores `count` events one by one over three streams and returns their ids in the order of the log. */
async function fill(store: EventStore<unknown>, count: number): Promise<readonly string[]> {
  const writes = Array.from({ length: count }, (_, index) => writeOf(`${"abc"[index % 3]}-${index % 2}`, "any"));
  for (const write of writes) await store.append(write);
  return writes.flatMap(idsOf);
}

/** Reading the log of all streams. Filters have a file of their own. */
export const readAllCases: readonly ConformanceCase[] = [
  {
    id: "read-all.empty-store",
    rule: "an empty store has its head at the start, and reading it gives one empty page that is caught up",
    async run({ store }) {
      expect(await store.head()).toBe("");
      expect(await readPages(store)).toStrictEqual([{ events: [], next: "", isCaughtUp: true }]);
    },
  },
  {
    id: "read-all.order",
    rule: "the log shows every event once, in the order of the appends, each as its stream shows it",
    async run({ store }) {
      const ids = await fill(store, 25);

      const log = await readLog(store);

      expect(log.map(({ id }) => id)).toStrictEqual(ids);
      for (const streamId of new Set(log.map((event) => event.streamId))) {
        expect(log.filter((event) => event.streamId === streamId)).toStrictEqual(await readStream(store, streamId));
      }
      expect(await readLog(store)).toStrictEqual(log);
    },
  },
  {
    id: "read-all.after",
    rule: "reading after the position of any event begins with the next event",
    async run({ store }) {
      await fill(store, 9);
      const log = await readLog(store);

      for (const [index, { position }] of log.entries()) {
        expect(await readLog(store, { after: position })).toStrictEqual(log.slice(index + 1));
        expect(await readLog(store, { after: position, pageSize: 2, limit: 3 })).toStrictEqual(
          log.slice(index + 1, index + 4),
        );
      }
    },
  },
  {
    id: "read-all.after-head",
    rule: "reading after the head gives one empty page that is caught up and stays at the head",
    async run({ store }) {
      await fill(store, 3);
      const head = await store.head();

      expect(await readPages(store, { after: head })).toStrictEqual([{ events: [], next: head, isCaughtUp: true }]);
    },
  },
  {
    id: "read-all.page-sizes",
    rule: "pages of any size hold the same events in the same order, and none is larger than asked for",
    async run({ store }) {
      const ids = await fill(store, 24);

      for (const pageSize of [1, 2, 3, 7, 12, 23, 24, 25, 1_000]) {
        const pages = await readPages(store, { pageSize });
        expect(pages.flatMap(({ events }) => events.map(({ id }) => id))).toStrictEqual(ids);
        expect(Math.max(...pages.map(({ events }) => events.length))).toBeLessThanOrEqual(pageSize);
      }
    },
  },
  {
    id: "read-all.default-page",
    rule: "without a page size, no page is larger than 500 events, and a longer log is read whole",
    async run({ store }) {
      const writes = [writeOf("a-1", "any", 400), writeOf("b-1", "any", 400), writeOf("a-1", "any", 400)];
      for (const { streamId, events } of writes) await appendAll(store, streamId, events);

      const pages = await readPages(store);

      expect(pages.every(({ events }) => events.length <= 500)).toBe(true);
      expect(pages.flatMap(({ events }) => events.map(({ id }) => id))).toStrictEqual(writes.flatMap(idsOf));
    },
  },
  {
    id: "read-all.caught-up",
    rule: "a page is caught up exactly when its `next` is the head, the last page is, and no page comes behind it",
    async run({ store }) {
      await fill(store, 10);
      const head = await store.head();

      for (const pageSize of [1, 3, 5, 9, 10, 11]) {
        const pages = await readPages(store, { pageSize });
        expect(pages.map(({ isCaughtUp }) => isCaughtUp)).toStrictEqual(pages.map(({ next }) => next === head));
        expect(pages.filter(({ isCaughtUp }) => isCaughtUp)).toStrictEqual(pages.slice(-1));
      }
    },
  },
  {
    id: "read-all.next",
    rule: "`next` never lies behind its page's events nor in front of events still to come: reading on from it misses nothing",
    async run({ store }) {
      await fill(store, 11);
      const log = await readLog(store);

      let seen = 0;
      let before = "";
      for (const page of await readPages(store, { pageSize: 4 })) {
        seen += page.events.length;
        expect(page.next >= (page.events.at(-1)?.position ?? before)).toBe(true);
        expect(page.next >= before).toBe(true);
        expect(await readLog(store, { after: page.next })).toStrictEqual(log.slice(seen));
        before = page.next;
      }
      expect(seen).toBe(11);
    },
  },
  {
    id: "read-all.limit",
    rule: "`limit` is the most events of the whole read, and reading on from the last `next` gives the rest",
    async run({ store }) {
      const ids = await fill(store, 10);

      for (const limit of [1, 2, 5, 9, 10, 11]) {
        for (const pageSize of [1, 4, 100]) {
          const pages = await readPages(store, { limit, pageSize });
          expect(pages.flatMap(({ events }) => events.map(({ id }) => id))).toStrictEqual(ids.slice(0, limit));
          expect(await logIds(store, { after: pages.at(-1)?.next ?? "" })).toStrictEqual(ids.slice(limit));
        }
      }
    },
  },
  {
    id: "read-all.limit-zero",
    rule: "a limit of 0 gives no page at all",
    async run({ store }) {
      expect(await readPages(store, { limit: 0 })).toStrictEqual([]);
      await fill(store, 2);
      expect(await readPages(store, { limit: 0 })).toStrictEqual([]);
    },
  },
  {
    id: "read-all.position-is-text",
    rule: "a position survives JSON and is the same wherever it is met",
    async run({ store }) {
      const { position } = await store.append(writeOf("a-1", "any"));
      await store.append(writeOf("a-1", "any", 3));
      const kept: string = JSON.parse(JSON.stringify({ position })).position;

      expect(typeof position).toBe("string");
      expect((await readStream(store, "a-1"))[0]?.position).toBe(position);
      expect((await readLog(store, { after: kept })).map(({ version }) => version)).toStrictEqual([2, 3, 4]);
    },
  },
  {
    id: "read-all.damaged-position",
    rule: "what is not a position of this store is refused",
    async run({ store }) {
      await fill(store, 3);
      const head = await store.head();

      for (const bad of [
        "nonsense",
        " ",
        "-1",
        "💥",
        "\u0000",
        `${head}x`,
        `x${head}`,
        ` ${head}`,
        `${head}\n`,
        5,
        null,
        {},
      ]) {
        const after = untyped<string>(bad);
        await expectRefusal(collect(store.readAll({ after })), "ES_INVALID_POSITION", { position: after });
        await expectRefusal(
          collect(store.readAll({ after, limit: 1, filter: { types: ["None"] } })),
          "ES_INVALID_POSITION",
        );
      }
    },
  },
  {
    id: "read-all.position-ahead",
    rule: "a position ahead of the head, as another store gives it, is refused and not taken for the end",
    async run({ store, openOther }) {
      const other = await openOther();
      await other.append(writeOf("a-1", "any", 20));
      const after = await other.head();

      await expectRefusal(collect(store.readAll({ after })), "ES_INVALID_POSITION", { position: after });
      await store.append(writeOf("a-1", "any"));
      await expectRefusal(collect(store.readAll({ after })), "ES_INVALID_POSITION", { position: after });
      await expectRefusal(collect(store.readAll({ after, live: true })), "ES_INVALID_POSITION", { position: after });
    },
  },
  {
    id: "read-all.refuses-nonsense",
    rule: "limits and page sizes that make no sense are refused",
    async run({ store }) {
      for (const options of [
        { limit: -1 },
        { limit: 1.5 },
        { pageSize: 0 },
        { pageSize: -3 },
        { pageSize: Number.NaN },
        { limit: "1" },
      ]) {
        await expectRefusal(collect(store.readAll(untyped<ReadAllOptions>(options))), "ES_CONFIGURATION");
      }
    },
  },
  {
    id: "read-all.same-time",
    rule: "events of one batch, and of one moment, are paged through each exactly once",
    async run({ store }) {
      const write = writeOf("a-1", "any", 300);
      await appendAll(store, write.streamId, write.events);
      const ids = [];
      let after = "";
      let isCaughtUp = false;
      for (let round = 0; round < 50 && !isCaughtUp; round += 1) {
        const [page] = await readPages(store, { after, pageSize: 7, limit: 7 });
        ids.push(...(page?.events ?? []).map(({ id }) => id));
        isCaughtUp = page?.isCaughtUp ?? true;
        after = page?.next ?? "";
      }

      expect(ids).toStrictEqual(idsOf(write));
    },
  },
];
