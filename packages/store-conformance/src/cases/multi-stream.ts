import type { Write } from "@es/core";
import { expect } from "vitest";
import type { ConformanceCase } from "../conformance-case.ts";
import { nextTurn } from "../next-turn.ts";
import { happened, idsOf, writeOf } from "../new-events.ts";
import { logIds, readLog, streamIds } from "../reading.ts";
import { expectEmpty, expectRefusal } from "../refusal.ts";

/** One append over several streams. */
export const multiStreamCases: readonly ConformanceCase[] = [
  {
    id: "multi-stream.stores-all",
    rule: "an append over several streams stores every write, in the order of the writes, and answers with all versions",
    needs: "atomicStreams",
    async run({ store }) {
      await store.append(writeOf("b-1", "any", 4));
      const before = await logIds(store);
      const writes = [writeOf("a-1", "no-stream", 2), writeOf("b-1", 4, 3), writeOf("c-1", "any"), writeOf("d-1", 0)];

      const { versions, position, duplicate } = await store.append(writes);

      expect({ versions, duplicate }).toStrictEqual({ versions: [2, 7, 1, 1], duplicate: false });
      expect(await logIds(store)).toStrictEqual([...before, ...writes.flatMap(idsOf)]);
      expect(position).toBe(await store.head());
      expect((await streamIds(store, "b-1")).slice(4)).toStrictEqual(writes.flatMap(idsOf).slice(2, 5));
    },
  },
  {
    id: "multi-stream.takes-many",
    rule: "an append may span as many streams as declared (50 are tried)",
    needs: "atomicStreams",
    async run({ store, declares }) {
      const writes = Array.from({ length: Math.min(50, declares.atomicStreams) }, (_, index) =>
        writeOf(`a-${index}`, "no-stream"),
      );

      expect((await store.append(writes)).versions).toStrictEqual(writes.map(() => 1));
      expect(await logIds(store)).toStrictEqual(writes.flatMap(idsOf));
    },
  },
  {
    id: "multi-stream.all-or-nothing",
    rule: "when one stream is not as expected, nothing is stored in any, and the error names that stream",
    needs: "atomicStreams",
    async run({ store }) {
      await store.append(writeOf("stale-1", "any", 2));
      const before = await logIds(store);
      const stale = writeOf("stale-1", 1);
      const good: readonly Write[] = [writeOf("a-1", "no-stream"), writeOf("b-1", "any", 2)];

      for (const writes of [
        [stale, ...good],
        [...good, stale],
        [...good.slice(0, 1), stale, ...good.slice(1)],
      ]) {
        const fields = { streamId: "stale-1", expected: 1, actual: 2 };
        await expectRefusal(store.append(writes), "ES_CONCURRENCY", fields);
        expect(await logIds(store)).toStrictEqual(before);
      }
    },
  },
  {
    id: "multi-stream.invalid-stores-nothing",
    rule: "when one event of one write is not JSON, nothing is stored in any stream",
    needs: "atomicStreams",
    async run({ store }) {
      const bad: Write = {
        streamId: "b-1",
        expected: "any",
        events: [happened(1), happened(2, { data: { big: 1n } })],
      };

      await expectRefusal(store.append([writeOf("a-1", "any"), bad]), "ES_INVALID_EVENT", { streamId: "b-1" });
      await expectEmpty(store);
    },
  },
  {
    id: "multi-stream.refuses-stream-twice",
    rule: "an append that names one stream twice is refused",
    needs: "atomicStreams",
    async run({ store }) {
      await expectRefusal(store.append([writeOf("a-1", "any"), writeOf("a-1", "any")]), "ES_CONFIGURATION");
      await expectEmpty(store);
    },
  },
  {
    id: "multi-stream.refuses-id-twice",
    rule: "an append that holds one event id in two streams is refused",
    needs: "atomicStreams",
    async run({ store }) {
      const events = [happened(1)];

      const append = store.append([
        { streamId: "a-1", expected: "any", events },
        { streamId: "b-1", expected: "any", events },
      ]);

      await expectRefusal(append, "ES_INVALID_EVENT", { streamId: "b-1" });
      await expectEmpty(store);
    },
  },
  {
    id: "multi-stream.one-winner",
    rule: "of 16 writers over the same two streams, exactly one wins, and both streams hold its events alone",
    needs: "atomicStreams",
    async run({ store, within }) {
      const attempts = Array.from({ length: 16 }, (_, index) => {
        const writes = [writeOf("a-1", "no-stream"), writeOf("b-1", "no-stream", 2)];
        // Writers that lock in the order given would wait for each other here.
        return index % 2 === 0 ? writes : writes.toReversed();
      });

      const outcomes = await within(Promise.allSettled(attempts.map((writes) => store.append(writes))), "16 appends");

      const winners = attempts.filter((_, index) => outcomes[index]?.status === "fulfilled");
      expect(winners).toHaveLength(1);
      for (const outcome of outcomes) {
        if (outcome.status === "rejected") await expectRefusal(Promise.reject(outcome.reason), "ES_CONCURRENCY");
      }
      expect(await logIds(store)).toStrictEqual(winners.flat().flatMap(idsOf));
    },
  },
  {
    id: "multi-stream.never-half-visible",
    rule: "a reader never sees one half of an append over two streams",
    needs: "atomicStreams",
    async run({ store, within }) {
      let isWriting = true;
      const write = async (): Promise<void> => {
        for (let n = 0; n < 40; n += 1) await store.append([writeOf("a-1", n), writeOf("b-1", n)]);
        isWriting = false;
      };
      const differences: number[] = [];
      const look = async (): Promise<void> => {
        while (isWriting) {
          const streams = (await readLog(store)).map(({ streamId }) => streamId);
          differences.push(streams.filter((id) => id === "a-1").length - streams.filter((id) => id === "b-1").length);
          await nextTurn();
        }
      };

      const writing = write().finally(() => {
        isWriting = false;
      });
      await within(Promise.all([writing, look(), look()]), "40 appends and two readers");

      expect(new Set([...differences, 0])).toStrictEqual(new Set([0]));
      expect(await readLog(store)).toHaveLength(80);
    },
  },
  {
    id: "multi-stream.undeclared",
    rule: "a store that takes one stream at a time refuses two and says why",
    lacks: "atomicStreams",
    async run({ store }) {
      await expectRefusal(store.append([writeOf("a-1", "any"), writeOf("b-1", "any")]), "ES_UNSUPPORTED");
      await expectEmpty(store);
      expect((await store.append([writeOf("a-1", "any")])).versions).toStrictEqual([1]);
    },
  },
];
