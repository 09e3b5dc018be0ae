import type { Write } from "@es/core";
import { expect } from "vitest";
import type { ConformanceCase } from "../conformance-case.ts";
import { happened, happenings, idsOf, writeOf } from "../new-events.ts";
import { logIds, streamIds } from "../reading.ts";
import { expectRefusal } from "../refusal.ts";

/** The same append again, after an answer that was lost. */
export const retryCases: readonly ConformanceCase[] = [
  ...([0, 3, "no-stream"] as const).map((expected): ConformanceCase => {
    const name = typeof expected === "number" ? `version-${expected}` : expected;
    return {
      id: `retry.${name}`,
      rule: `an append expecting ${JSON.stringify(expected)} gives the first result when it is repeated, and stores nothing`,
      async run({ store }) {
        if (expected === 3) await store.append(writeOf("a-1", "any", 3));
        const write = writeOf("a-1", expected, 2);
        const first = await store.append(write);
        const before = await logIds(store);

        const second = await store.append(write);

        expect(first.duplicate).toBe(false);
        expect(second).toStrictEqual({ ...first, duplicate: true });
        expect(await logIds(store)).toStrictEqual(before);
        expect(await store.head()).toBe(first.position);
      },
    };
  }),
  ...([1, "no-stream"] as const).map((expected): ConformanceCase => {
    return {
      id: `retry.after-others-${expected === 1 ? "version" : expected}`,
      rule: `a repeated append expecting ${JSON.stringify(expected)} gives its first result although others have appended since`,
      async run({ store }) {
        if (expected === 1) await store.append(writeOf("a-1", "any"));
        const write = writeOf("a-1", expected, 3);
        const first = await store.append(write);
        await store.append(writeOf("a-1", "any", 4));
        await store.append(writeOf("b-1", "any"));
        const before = await logIds(store);

        const repeated = [await store.append(write), await store.append(write)];

        expect(repeated).toStrictEqual([
          { ...first, duplicate: true },
          { ...first, duplicate: true },
        ]);
        expect(await logIds(store)).toStrictEqual(before);
      },
    };
  }),
  {
    id: "retry.any-is-new",
    rule: 'an append expecting "any" or "stream-exists" names no place, so its repetition is a new append',
    async run({ store }) {
      for (const expected of ["any", "stream-exists"] as const) {
        await store.append(writeOf(`${expected}-1`, "any"));
        const write = writeOf(`${expected}-1`, expected, 2);

        const results = [await store.append(write), await store.append(write)];

        expect(results.map(({ versions, duplicate }) => ({ versions, duplicate }))).toStrictEqual([
          { versions: [3], duplicate: false },
          { versions: [5], duplicate: false },
        ]);
        expect((await streamIds(store, `${expected}-1`)).slice(1)).toStrictEqual([...idsOf(write), ...idsOf(write)]);
      }
    },
  },
  {
    id: "retry.partial-overlap",
    rule: "an append of which only some events stand at the expected place is a conflict",
    async run({ store }) {
      const [one, two, three] = [happened(1), happened(2), happened(3)];
      await store.append({ streamId: "a-1", expected: "no-stream", events: [one, two] });
      const before = await logIds(store);
      const overlaps = [[one, two, three], [one, three], [three, two], [two, one], [two], [three, one]];

      for (const events of overlaps) {
        for (const expected of [0, "no-stream"] as const) {
          const fields = { streamId: "a-1", expected, actual: 2 };
          await expectRefusal(store.append({ streamId: "a-1", expected, events }), "ES_CONCURRENCY", fields);
        }
      }
      // The right events, but the place behind them.
      await expectRefusal(store.append({ streamId: "a-1", expected: 1, events: [one, two] }), "ES_CONCURRENCY");

      expect(await logIds(store)).toStrictEqual(before);
    },
  },
  {
    id: "retry.same-content-other-ids",
    rule: "the same content under other ids is another append, and a conflict",
    async run({ store }) {
      const write = writeOf("a-1", "no-stream", 2);
      await store.append(write);
      const twin: Write = { ...write, events: write.events.map(({ type, data }) => ({ type, data })) };

      await expectRefusal(store.append(twin), "ES_CONCURRENCY", { streamId: "a-1", expected: "no-stream", actual: 2 });
      expect(await streamIds(store, "a-1")).toStrictEqual(idsOf(write));
    },
  },
  {
    id: "retry.same-ids-other-stream",
    rule: "the same events in another stream are not a repetition",
    async run({ store }) {
      const write = writeOf("a-1", "no-stream", 2);
      await store.append(write);
      await store.append(writeOf("a-2", "no-stream", 2));

      const elsewhere = store.append({ ...write, streamId: "a-2" });

      await expectRefusal(elsewhere, "ES_CONCURRENCY", { streamId: "a-2", expected: "no-stream", actual: 2 });
    },
  },
  {
    id: "retry.at-once",
    rule: "of one append made eight times at once, one stores and all give the same result",
    async run({ store, within }) {
      await store.append(writeOf("a-1", "any"));
      const write = writeOf("a-1", 1, 3);

      const results = await within(Promise.all(Array.from({ length: 8 }, () => store.append(write))), "eight appends");

      expect(results.filter(({ duplicate }) => !duplicate)).toHaveLength(1);
      expect(new Set(results.map(({ position }) => position)).size).toBe(1);
      expect(results.every(({ versions }) => versions.length === 1 && versions[0] === 4)).toBe(true);
      expect((await streamIds(store, "a-1")).slice(1)).toStrictEqual(idsOf(write));
    },
  },
  {
    id: "retry.multi-stream",
    rule: "an append over several streams gives its first result when it is repeated",
    needs: "atomicStreams",
    async run({ store }) {
      await store.append(writeOf("b-1", "any", 2));
      const writes = [writeOf("a-1", "no-stream", 2), writeOf("b-1", 2), writeOf("c-1", 0, 3)];
      const first = await store.append(writes);
      await store.append(writeOf("b-1", 3));
      const before = await logIds(store);

      const second = await store.append(writes);

      expect(first.versions).toStrictEqual([2, 3, 3]);
      expect(second).toStrictEqual({ ...first, duplicate: true });
      expect(await logIds(store)).toStrictEqual(before);
    },
  },
  {
    id: "retry.multi-stream-partial",
    rule: "an append over several streams of which only one write is stored already is a conflict",
    needs: "atomicStreams",
    async run({ store }) {
      const landed = writeOf("a-1", "no-stream", 2);
      await store.append(landed);
      const before = await logIds(store);

      for (const other of [writeOf("b-1", "no-stream"), writeOf("b-1", 0), writeOf("b-1", "any")]) {
        for (const writes of [
          [landed, other],
          [other, landed],
        ]) {
          const fields = { streamId: "a-1", expected: "no-stream", actual: 2 };
          await expectRefusal(store.append(writes), "ES_CONCURRENCY", fields);
        }
      }

      expect(await logIds(store)).toStrictEqual(before);
    },
  },
  {
    id: "retry.condition",
    rule: "a repeated append whose condition only its own events break gives its first result",
    needs: "conditions",
    async run({ store }) {
      await store.append(writeOf("a-1", "any"));
      const after = await store.head();
      const condition = { none: { types: ["Happened"] }, after };

      for (const [index, expected] of (["any", "no-stream", "stream-exists", 0, 1] as const).entries()) {
        const streamId = `s-${index}`;
        if (expected === "stream-exists" || expected === 1) {
          await store.append({ streamId, expected: "any", events: [happened(0, { type: "Prepared" })] });
        }
        const write = { streamId, expected, events: happenings(2) };
        const own = { ...condition, after: await store.head() };
        const first = await store.append(write, { if: own });
        await store.append(writeOf("a-1", "any"));
        const before = await logIds(store);

        expect(await store.append(write, { if: own })).toStrictEqual({ ...first, duplicate: true });
        expect(await logIds(store)).toStrictEqual(before);
      }

      if (store.capabilities.atomicStreams < 2) return;
      // Of one write the version names the place, of the other only the condition's position can.
      const own = { ...condition, after: await store.head() };
      for (const writes of [
        [writeOf("m-1", "no-stream", 2), writeOf("m-2", "any", 2)],
        [writeOf("m-3", "any"), writeOf("m-4", 0)],
      ]) {
        const first = await store.append(writes, { if: { ...own, after: await store.head() } });
        const before = await logIds(store);

        expect(await store.append(writes, { if: own })).toStrictEqual({ ...first, duplicate: true });
        expect(await logIds(store)).toStrictEqual(before);
      }
    },
  },
  {
    id: "retry.condition-partial",
    rule: "a conditional append of which only some events are stored behind the position is refused",
    needs: "conditions",
    async run({ store }) {
      const [one, two] = [happened(1), happened(2)];
      await store.append({ streamId: "a-1", expected: "any", events: [one] });
      const before = await logIds(store);
      const condition = { none: { types: ["Happened"] }, after: "" };

      const append = store.append({ streamId: "a-1", expected: "any", events: [one, two] }, { if: condition });

      await expectRefusal(append, "ES_CONDITION_FAILED", { condition });
      expect(await logIds(store)).toStrictEqual(before);
    },
  },
];
