import { expect } from "vitest";
import type { ConformanceCase } from "../conformance-case.ts";
import { LiveReader } from "../live-reader.ts";
import { happened, writeOf } from "../new-events.ts";
import { collect, logIds, readLog, readPages } from "../reading.ts";
import { expectRefusal } from "../refusal.ts";

/** What another instance on the same data finds, after a restart or beside the first. */
export const reopenCases: readonly ConformanceCase[] = [
  {
    id: "reopen.events",
    rule: "a store that was closed and opened again holds every event as it was, and goes on where it stood",
    needs: "reopen",
    async run({ store, openAgain }) {
      await store.append(writeOf("a-1", "any", 3));
      const events = [happened(1, { data: { text: "é\u0000\ud800", deep: [[1]] }, metadata: { tenant: "t" } })];
      await store.append({ streamId: "b 🎉-1", expected: "no-stream", events });
      const [log, pages, head] = [await readLog(store), await readPages(store), await store.head()];
      await store[Symbol.asyncDispose]();

      const again = await openAgain();

      expect(await readLog(again)).toStrictEqual(log);
      expect(await readPages(again)).toStrictEqual(pages);
      expect(await again.head()).toBe(head);
      expect((await again.append(writeOf("a-1", 3))).versions).toStrictEqual([4]);
      await expectRefusal(again.append(writeOf("a-1", 3)), "ES_CONCURRENCY", {
        streamId: "a-1",
        expected: 3,
        actual: 4,
      });
      expect((await readLog(again, { after: head })).map(({ version }) => version)).toStrictEqual([4]);
    },
  },
  {
    id: "reopen.retry",
    rule: "an append repeated after a restart gives its first result",
    needs: "reopen",
    async run({ store, openAgain }) {
      const write = writeOf("a-1", "no-stream", 3);
      const first = await store.append(write);
      await store.append(writeOf("a-1", 3));
      await store[Symbol.asyncDispose]();

      const again = await openAgain();

      expect(await again.append(write)).toStrictEqual({ ...first, duplicate: true });
      expect(await readLog(again)).toHaveLength(4);
    },
  },
  {
    id: "reopen.registers",
    rule: "registers outlive a restart, and so does the memory of revisions that are used up",
    needs: "reopen",
    async run({ store, openAgain }) {
      const kept = await store.registers.set("kept", "value");
      const old = (await store.registers.set("gone", "value")) ?? -1;
      await store.registers.delete("gone");
      await store[Symbol.asyncDispose]();

      const again = await openAgain();

      expect(await again.registers.get("kept")).toStrictEqual({ value: "value", revision: kept });
      expect(await again.registers.get("gone")).toBeUndefined();
      expect(await collect(again.registers.keys(""))).toStrictEqual(["kept"]);
      expect(await again.registers.set("gone", "new", { expected: old })).toBeUndefined();
      expect(await again.registers.set("gone", "new", { expected: 0 })).toBeGreaterThan(old);
    },
  },
  {
    id: "reopen.identity",
    rule: "the identity belongs to the data, not to the instance",
    needs: "reopen",
    async run({ store, openAgain }) {
      const identity = await store.identity();
      await store[Symbol.asyncDispose]();

      expect(await (await openAgain()).identity()).toBe(identity);
    },
  },
  {
    id: "reopen.two-instances",
    rule: "two instances on the same data see each other's appends and registers at once",
    needs: "shared",
    async run({ store, openAgain }) {
      const other = await openAgain();
      expect(await other.identity()).toBe(await store.identity());
      await store.append(writeOf("a-1", "no-stream"));
      expect((await other.append(writeOf("a-1", 1))).versions).toStrictEqual([2]);
      await expectRefusal(store.append(writeOf("a-1", 1)), "ES_CONCURRENCY", {
        streamId: "a-1",
        expected: 1,
        actual: 2,
      });
      const revision = await other.registers.set("k", "x", { expected: 0 });

      expect(await store.registers.get("k")).toStrictEqual({ value: "x", revision });
      expect(await store.registers.set("k", "y", { expected: 0 })).toBeUndefined();
      expect(await store.head()).toBe(await other.head());
      expect(await readLog(store)).toStrictEqual(await readLog(other));
    },
  },
  {
    id: "reopen.close-one",
    rule: "closing one instance leaves the other working",
    needs: "shared",
    async run({ store, openAgain, until }) {
      const other = await openAgain();
      const reader = new LiveReader(store);
      await store.append(writeOf("a-1", "any"));
      await other[Symbol.asyncDispose]();
      const marker = happened(2);

      await store.append({ streamId: "a-1", expected: 1, events: [marker] });
      await until(() => reader.has(marker.id), "the event after the other instance closed");
      await reader.stop();

      expect(reader.ids).toStrictEqual(await logIds(store));
    },
  },
  {
    id: "reopen.writers-in-both",
    rule: "live reads of two instances that both write get the same events in the same order",
    needs: "shared",
    timeoutMs: 60_000,
    async run({ store, openAgain, until, within }) {
      const stores = [store, await openAgain()];
      const readers = stores.map((one) => new LiveReader(one, { pageSize: 5 }));
      const write = async (writer: number): Promise<void> => {
        const one = stores[writer % 2] ?? store;
        for (let n = 0; n < 15; n += 1) await one.append(writeOf(`s-${(writer + n) % 3}`, "any", (n % 2) + 1));
      };
      await within(Promise.all([0, 1, 2, 3].map(write)), "four writers");
      const marker = happened(0);
      await store.append({ streamId: "marker-1", expected: "any", events: [marker] });

      for (const reader of readers) await until(() => reader.has(marker.id), "the marker");
      await Promise.all(readers.map((reader) => reader.stop()));

      const log = await readLog(store);
      expect(log).toHaveLength(4 * 22 + 1);
      for (const reader of readers) expect(reader.events).toStrictEqual(log);
    },
  },
];
