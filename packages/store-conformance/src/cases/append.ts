import type { Write } from "@es/core";
import { expect } from "vitest";
import type { ConformanceCase } from "../conformance-case.ts";
import { happened, happenings, idsOf, writeOf } from "../new-events.ts";
import { logIds, readLog, readStream, streamIds } from "../reading.ts";
import { expectEmpty, expectRefusal } from "../refusal.ts";

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;
/** Above this, building the input costs more than the check is worth. */
const MOST_EVENTS_TRIED = 100_000;
const MOST_BYTES_TRIED = 64 * 1024 * 1024;

/** What an append stores and answers, and what it refuses. */
export const appendCases: readonly ConformanceCase[] = [
  {
    id: "append.counts-versions-from-one",
    rule: "the first event of a stream has version 1, and every further one the next version",
    async run({ store }) {
      const first = await store.append(writeOf("a-1", "no-stream"));
      const second = await store.append(writeOf("a-1", 1, 2));

      expect([first.versions, second.versions]).toStrictEqual([[1], [3]]);
      expect([first.duplicate, second.duplicate]).toStrictEqual([false, false]);
      expect((await readStream(store, "a-1")).map(({ version }) => version)).toStrictEqual([1, 2, 3]);
    },
  },
  {
    id: "append.keeps-every-member",
    rule: "an event comes back with its id, type, data, metadata and stream, the same from a stream and from the log",
    async run({ store }) {
      const metadata = {
        correlationId: "c",
        causationId: "k",
        schemaVersion: 2,
        tenant: "t",
        nested: { list: [1, null] },
      };
      const full = happened(1, { type: "Signed up", data: { name: "Ada", tags: ["x"] }, metadata });
      const bare = happened(2);
      await store.append({ streamId: "a-1", expected: "any", events: [full, bare] });

      const events = await readStream(store, "a-1");

      expect(events.map(({ position: _position, recordedAt: _recordedAt, ...rest }) => rest)).toStrictEqual([
        { ...full, streamId: "a-1", version: 1, tags: [] },
        { ...bare, streamId: "a-1", version: 2, metadata: {}, tags: [] },
      ]);
      expect(events.every(({ recordedAt }) => Number.isSafeInteger(recordedAt) && recordedAt >= 0)).toBe(true);
      expect(await readLog(store)).toStrictEqual(events);
    },
  },
  {
    id: "append.gives-ids",
    rule: "an event without an id gets a UUID of its own",
    async run({ store }) {
      const event = { type: "Happened", data: null };
      await store.append({ streamId: "a-1", expected: "any", events: [event, event] });

      const ids = await streamIds(store, "a-1");

      expect(ids.map((id) => UUID.test(id))).toStrictEqual([true, true]);
      expect(new Set(ids).size).toBe(2);
    },
  },
  {
    id: "append.positions-rise",
    rule: "positions rise with every event over all streams, and the answer holds the position of the append's last event",
    async run({ store }) {
      const results = [];
      for (const streamId of ["a-1", "b-1", "a-1", "c-1", "b-1"])
        results.push(await store.append(writeOf(streamId, "any", 2)));

      const positions = (await readLog(store)).map(({ position }) => position);

      expect(positions).toHaveLength(10);
      expect([...positions].sort()).toStrictEqual(positions);
      expect(new Set(positions).size).toBe(10);
      expect(positions.every((position) => position > "")).toBe(true);
      expect(results.map(({ position }) => position)).toStrictEqual(positions.filter((_, index) => index % 2 === 1));
      expect(await store.head()).toBe(positions.at(-1));
    },
  },
  {
    id: "append.refuses-nothing-to-store",
    rule: "an append without writes, or a write without events, is refused",
    async run({ store }) {
      await expectRefusal(store.append([]), "ES_CONFIGURATION");
      await expectRefusal(store.append({ streamId: "a-1", expected: "any", events: [] }), "ES_CONFIGURATION");

      await expectEmpty(store);
    },
  },
  {
    id: "append.refuses-id-twice",
    rule: "an append that holds one event id twice is refused",
    async run({ store }) {
      const event = happened(1);

      const append = store.append({
        streamId: "a-1",
        expected: "any",
        events: [event, happened(2), { ...event, data: 3 }],
      });

      await expectRefusal(append, "ES_INVALID_EVENT", { eventType: "Happened", streamId: "a-1" });
      await expectEmpty(store);
    },
  },
  {
    id: "append.refuses-id-of-another-form",
    rule: "an event id that is not a UUID in lower case is refused",
    async run({ store }) {
      for (const id of [
        "",
        "1",
        "not-a-uuid",
        "7C9E6679-7425-40DE-944B-E07FC1F90AE7",
        "7c9e6679742540de944be07fc1f90ae7",
      ]) {
        const append = store.append({ streamId: "a-1", expected: "any", events: [{ ...happened(1), id }] });
        await expectRefusal(append, "ES_INVALID_EVENT");
      }

      await expectEmpty(store);
    },
  },
  {
    id: "append.batch-is-atomic",
    rule: "when the last event of a batch is refused, none of the batch is stored",
    async run({ store }) {
      await store.append(writeOf("a-1", "any"));
      const before = await logIds(store);
      const bad = happened(9, { data: { when: new Date(0) } });

      await expectRefusal(
        store.append({ streamId: "a-1", expected: 1, events: [...happenings(3), bad] }),
        "ES_INVALID_EVENT",
      );

      expect(await logIds(store)).toStrictEqual(before);
      expect((await store.append(writeOf("a-1", 1))).versions).toStrictEqual([2]);
    },
  },
  {
    id: "append.batch-stays-together",
    rule: "a large batch gets consecutive versions and stands in the log in its order, with nothing between",
    async run({ store }) {
      const size = Math.min(1_000, store.capabilities.maxEventsPerAppend);
      const batches = [writeOf("a-1", "any", size), writeOf("a-2", "any", size)];
      const results = await Promise.all(batches.map((batch) => store.append(batch)));

      expect(results.map(({ versions }) => versions)).toStrictEqual([[size], [size]]);
      const log = await readLog(store);
      const [first, second] = log[0]?.streamId === "a-1" ? batches : batches.toReversed();
      expect(log.map(({ id }) => id)).toStrictEqual([first, second].flatMap((batch) => (batch ? idsOf(batch) : [])));
      expect(log.map(({ version }) => version)).toStrictEqual(log.map((_, index) => (index % size) + 1));
    },
  },
  {
    id: "append.refuses-too-many-events",
    rule: "an append of as many events as declared is stored, and one event more is refused",
    async run({ store }) {
      const limit = store.capabilities.maxEventsPerAppend;
      if (limit > MOST_EVENTS_TRIED) return;

      await expectRefusal(store.append(writeOf("a-1", "any", limit + 1)), "ES_APPEND_TOO_LARGE", {
        unit: "events",
        limit,
      });
      await expectEmpty(store);
      expect((await store.append(writeOf("a-1", "any", limit))).versions).toStrictEqual([limit]);
    },
  },
  {
    id: "append.refuses-too-many-bytes",
    rule: "an append of more bytes than declared is refused",
    async run({ store }) {
      const limit = store.capabilities.maxBytesPerAppend;
      if (limit > MOST_BYTES_TRIED) return;
      const write: Write = { streamId: "a-1", expected: "any", events: [happened(1, { data: "x".repeat(limit) })] };

      await expectRefusal(store.append(write), "ES_APPEND_TOO_LARGE", { unit: "bytes", limit });
      await expectEmpty(store);
    },
  },
  {
    id: "append.refused-leaves-no-trace",
    rule: "a refused append moves neither the head nor any version",
    async run({ store }) {
      await store.append(writeOf("a-1", "no-stream", 2));
      const head = await store.head();

      await expectRefusal(store.append(writeOf("a-1", "no-stream", 3)), "ES_CONCURRENCY");
      await expectRefusal(store.append(writeOf("a-1", 7, 3)), "ES_CONCURRENCY");

      expect(await store.head()).toBe(head);
      expect((await store.append(writeOf("a-1", 2))).versions).toStrictEqual([3]);
    },
  },
];
