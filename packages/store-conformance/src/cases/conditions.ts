import type { AppendCondition, EventFilter, EventStore, NewEvent } from "@es/core";
import { expect } from "vitest";
import type { ConformanceCase } from "../conformance-case.ts";
import { happened, idsOf, untyped, writeOf } from "../new-events.ts";
import { logIds, readLog } from "../reading.ts";
import { expectEmpty, expectRefusal } from "../refusal.ts";

type Row = readonly [streamId: string, type: string, tags: readonly string[]];

/** The stored events, numbered from 1. */
const STORED: readonly Row[] = [
  ["course-1", "Defined", ["course:1"]],
  ["student-1", "Joined", ["student:1"]],
  ["student-2", "Joined", ["student:2"]],
  ["enrol-1", "Enrolled", ["course:1", "student:1"]],
  ["enrol-2", "Enrolled", ["student:2", "course:1"]],
  ["course-2", "Defined", ["course:2"]],
  ["enrol-3", "Enrolled", ["course:2", "student:1"]],
  ["note-1", "Noted", []],
];

/** A query, and the number of the last stored event that it matches: only a position from there on lets an append pass. */
const QUERIES: readonly (readonly [none: EventFilter, last: number])[] = [
  [{}, 8],
  [[{}], 8],
  [{ types: ["Defined"] }, 6],
  [{ types: ["Joined", "Noted"] }, 8],
  [{ types: ["Dropped"] }, 0],
  [{ types: ["defined"] }, 0],
  [{ tags: ["course:1"] }, 5],
  [{ tags: ["course:"] }, 0],
  [{ tags: ["course:1", "student:1"] }, 4],
  [{ tags: ["student:1", "course:1"] }, 4],
  [{ tags: ["course:2", "student:2"] }, 0],
  [{ tags: ["course:1", "course:2"] }, 0],
  [{ types: ["Defined"], tags: ["course:1"] }, 1],
  [{ types: ["Joined"], tags: ["course:1"] }, 0],
  [{ types: ["Defined", "Enrolled"], tags: ["student:2"] }, 5],
  [{ categories: ["student"] }, 3],
  [{ categories: ["student", "course"] }, 6],
  [{ categories: ["stud"] }, 0],
  [{ categories: ["enrol"], tags: ["student:2"] }, 5],
  [{ categories: ["course"], types: ["Enrolled"] }, 0],
  [{ categories: ["course"], types: ["Defined"], tags: ["course:2"] }, 6],
  [[{ types: ["Joined"] }, { tags: ["course:1"] }], 5],
  [[{ tags: ["course:1"] }, { types: ["Joined"] }], 5],
  [[{ types: ["Dropped"] }, { tags: ["course:9"] }], 0],
  [[{ types: ["Joined"], tags: ["student:1"] }, { types: ["Dropped"] }], 2],
];

async function fill(store: EventStore<unknown>): Promise<void> {
  for (const [streamId, type, tags] of STORED) {
    await store.append({ streamId, expected: "any", events: [happened(0, { type, tags })] });
  }
}

function tagged(type: string, ...tags: readonly string[]): NewEvent {
  return happened(0, { type, tags });
}

/** Append conditions over types, categories and tags. */
export const conditionCases: readonly ConformanceCase[] = [
  {
    id: "conditions.table",
    rule: "an append is refused when an event behind the position matches a query, and stored when none does",
    needs: "conditions",
    timeoutMs: 30_000,
    async run({ store }) {
      await fill(store);
      const log = await readLog(store);
      const attempt = happened(0, { type: "Attempted" });

      for (const [none, last] of QUERIES) {
        for (let seen = 0; seen < last; seen += 1) {
          const condition: AppendCondition = { none, after: log[seen - 1]?.position ?? "" };
          const append = store.append({ streamId: "try-1", expected: "any", events: [attempt] }, { if: condition });
          await expectRefusal(append, "ES_CONDITION_FAILED", { condition, retryable: false });
        }
      }
      expect(await readLog(store)).toStrictEqual(log);

      for (const [none, last] of QUERIES) {
        const after = last === STORED.length ? await store.head() : (log[last - 1]?.position ?? "");
        const events = [happened(0, { type: "Passed" })];
        const { duplicate } = await store.append(
          { streamId: "passed-1", expected: "any", events },
          { if: { none, after } },
        );
        expect(duplicate, JSON.stringify(none)).toBe(false);
      }
      expect(await readLog(store)).toHaveLength(STORED.length + QUERIES.length);
    },
  },
  {
    id: "conditions.filters-agree",
    rule: "reading with a query shows exactly the events that would break a condition with it",
    needs: "conditions",
    async run({ store }) {
      await fill(store);
      const log = await readLog(store);

      for (const [filter, last] of QUERIES) {
        const found = await readLog(store, { filter });
        expect(found.at(-1)?.position, JSON.stringify(filter)).toBe(log[last - 1]?.position);
      }
      const tags = async (filter: EventFilter): Promise<readonly (readonly string[])[]> =>
        (await readLog(store, { filter })).map((event) => event.tags);
      expect(await tags({ tags: ["course:1"] })).toStrictEqual([STORED[0]?.[2], STORED[3]?.[2], STORED[4]?.[2]]);
      expect(await tags({ tags: ["course:1", "student:2"] })).toStrictEqual([STORED[4]?.[2]]);
    },
  },
  {
    id: "conditions.position-of-match",
    rule: "the error of a failed condition holds the position of an event that matches",
    needs: "conditions",
    async run({ store }) {
      await fill(store);
      const log = await readLog(store);
      const condition = { none: { types: ["Noted"] }, after: log[3]?.position ?? "" };

      const append = store.append({ streamId: "a-1", expected: "any", events: [happened(1)] }, { if: condition });

      await expectRefusal(append, "ES_CONDITION_FAILED", { condition, position: log[7]?.position });
    },
  },
  {
    id: "conditions.empty-store",
    rule: "on an empty store every condition holds, and once its append is stored, it no longer does",
    needs: "conditions",
    async run({ store }) {
      const condition = { none: {}, after: "" };
      await store.append({ streamId: "a-1", expected: "any", events: [tagged("Defined", "x")] }, { if: condition });

      const position = await store.head();
      const again = store.append(
        { streamId: "a-2", expected: "any", events: [tagged("Defined", "x")] },
        { if: condition },
      );

      await expectRefusal(again, "ES_CONDITION_FAILED", { condition, position });
      expect(await readLog(store)).toHaveLength(1);
    },
  },
  {
    id: "conditions.unconditional-counts",
    rule: "an append without condition is seen by the conditions of later ones",
    needs: "conditions",
    async run({ store }) {
      const after = await store.head();
      await store.append({
        streamId: "a-1",
        expected: "any",
        events: [happened(0), tagged("Defined", "x"), happened(1)],
      });

      const append = store.append(writeOf("a-2", "any"), { if: { none: { tags: ["x"] }, after } });

      await expectRefusal(append, "ES_CONDITION_FAILED");
    },
  },
  {
    id: "conditions.refusal-stores-nothing",
    rule: "an append whose condition fails stores none of its events, in none of its streams",
    needs: "conditions",
    async run({ store, declares }) {
      await store.append(writeOf("a-1", "any"));
      const before = await logIds(store);
      const writes = [writeOf("a-1", 1, 3), writeOf("b-1", "no-stream", 2)].slice(0, declares.atomicStreams);

      await expectRefusal(store.append(writes, { if: { none: {}, after: "" } }), "ES_CONDITION_FAILED");

      expect(await logIds(store)).toStrictEqual(before);
    },
  },
  {
    id: "conditions.versions-first",
    rule: "when neither the version nor the condition holds, the version is reported",
    needs: "conditions",
    async run({ store }) {
      await store.append(writeOf("a-1", "any", 2));

      const both = store.append(writeOf("a-1", 1), { if: { none: {}, after: "" } });
      await expectRefusal(both, "ES_CONCURRENCY", { streamId: "a-1", expected: 1, actual: 2 });
      const condition = store.append(writeOf("a-1", 2), { if: { none: {}, after: "" } });
      await expectRefusal(condition, "ES_CONDITION_FAILED");
      const version = store.append(writeOf("a-1", "no-stream"), { if: { none: {}, after: await store.head() } });
      await expectRefusal(version, "ES_CONCURRENCY", { streamId: "a-1", expected: "no-stream", actual: 2 });

      expect(await readLog(store)).toHaveLength(2);
    },
  },
  {
    id: "conditions.bad-position",
    rule: "a condition after a position that is not of this store, or ahead of its head, is refused",
    needs: "conditions",
    async run({ store, openOther }) {
      const other = await openOther();
      await other.append(writeOf("a-1", "any", 9));

      for (const after of [await other.head(), "nonsense", untyped<string>(7)]) {
        const append = store.append(writeOf("a-1", "any"), { if: { none: { tags: ["x"] }, after } });
        await expectRefusal(append, "ES_INVALID_POSITION", { position: after });
      }
      await expectEmpty(store);
    },
  },
  {
    id: "conditions.refuses-empty-lists",
    rule: "a condition without queries, or with an empty list in a query, is refused",
    needs: "conditions",
    async run({ store }) {
      for (const none of [[], { types: [] }, { tags: [] }, [{ tags: ["x"] }, { categories: [] }]]) {
        await expectRefusal(store.append(writeOf("a-1", "any"), { if: { none, after: "" } }), "ES_CONFIGURATION");
      }
      await expectEmpty(store);
    },
  },
  {
    id: "conditions.read-and-append",
    rule: "the `next` of a filtered read up to the head is the position for a condition with the same queries",
    needs: "conditions",
    async run({ store }) {
      await fill(store);
      const filter = { tags: ["course:1"] };
      let after = "";
      for await (const page of store.readAll({ filter, pageSize: 2 })) after = page.next;
      await store.append({ streamId: "note-2", expected: "any", events: [tagged("Noted", "course:2")] });

      await store.append(
        { streamId: "e-1", expected: "any", events: [tagged("Enrolled", "course:1")] },
        { if: { none: filter, after } },
      );

      const late = store.append(
        { streamId: "e-2", expected: "any", events: [tagged("Enrolled", "course:1")] },
        { if: { none: filter, after } },
      );
      await expectRefusal(late, "ES_CONDITION_FAILED");
    },
  },
  {
    id: "conditions.undeclared",
    rule: "a store without conditions refuses them, and tags, and says why",
    lacks: "conditions",
    async run({ store }) {
      const condition = { none: { tags: ["x"] }, after: "" };

      await expectRefusal(store.append(writeOf("a-1", "any"), { if: condition }), "ES_UNSUPPORTED");
      const append = store.append({ streamId: "a-1", expected: "any", events: [tagged("Defined", "x")] });
      await expectRefusal(append, "ES_UNSUPPORTED");

      await expectEmpty(store);
      const untagged = happened(1, { tags: [] });
      await store.append({ streamId: "a-1", expected: "any", events: [untagged] });
      expect(await logIds(store)).toStrictEqual(idsOf({ streamId: "a-1", expected: "any", events: [untagged] }));
    },
  },
];
