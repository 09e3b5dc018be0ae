import { expect } from "vitest";
import type { ConformanceCase } from "../conformance-case.ts";
import { LiveReader } from "../live-reader.ts";
import { happened, idsOf, writeOf } from "../new-events.ts";
import { collect, logIds, streamIds } from "../reading.ts";
import { expectEmpty, expectRefusal } from "../refusal.ts";

/** Appends and registers in the caller's own transaction. */
export const transactionCases: readonly ConformanceCase[] = [
  {
    id: "transactions.commit",
    rule: "what was appended and set in a transaction is there when it has committed",
    needs: "transactions",
    async run({ store, transaction }) {
      const writes = [writeOf("a-1", "no-stream", 2), writeOf("a-1", 2), writeOf("b-1", "any")];
      const answers: (readonly number[])[] = [];
      await transaction(async (tx) => {
        for (const write of writes) answers.push((await store.append(write, { tx })).versions);
        await store.registers.set("k", "value", { tx });
      });

      expect(answers).toStrictEqual([[2], [3], [1]]);
      expect(await logIds(store)).toStrictEqual(writes.flatMap(idsOf));
      expect((await store.registers.get("k"))?.value).toBe("value");
    },
  },
  {
    id: "transactions.rollback",
    rule: "a transaction that is rolled back leaves nothing, rejects with its own error, and holds up nobody",
    needs: "transactions",
    async run({ store, transaction, until }) {
      await store.append(writeOf("a-1", "any"));
      const revision = (await store.registers.set("k", "kept")) ?? -1;
      const before = await logIds(store);
      const reader = new LiveReader(store);
      const failure = new Error("changed my mind");

      const rolledBack = transaction(async (tx) => {
        await store.append(writeOf("a-1", 1, 3), { tx });
        await store.append(writeOf("b-1", "no-stream"), { tx });
        await store.registers.set("k", "lost", { tx });
        await store.registers.set("new", "lost", { tx });
        throw failure;
      });

      await expect(rolledBack).rejects.toBe(failure);
      expect(await logIds(store)).toStrictEqual(before);
      expect(await store.registers.get("k")).toStrictEqual({ value: "kept", revision });
      expect(await collect(store.registers.keys(""))).toStrictEqual(["k"]);
      const marker = happened(0);
      expect((await store.append({ streamId: "a-1", expected: 1, events: [marker] })).versions).toStrictEqual([2]);
      await until(() => reader.has(marker.id), "the event behind the gap of the rollback");
      await reader.stop();
      expect(reader.ids).toStrictEqual([...before, marker.id]);
    },
  },
  {
    id: "transactions.invisible-before-commit",
    rule: "readers see nothing of a transaction before it commits, and all of it afterwards",
    needs: "transactions",
    async run({ store, transaction, until, within }) {
      const reader = new LiveReader(store);
      const write = writeOf("a-1", "no-stream", 2);
      await within(
        transaction(async (tx) => {
          await store.append(write, { tx });
          await store.registers.set("k", "value", { tx });
          await expectEmpty(store);
          expect(await streamIds(store, "a-1")).toStrictEqual([]);
          expect(await store.registers.get("k")).toBeUndefined();
          expect((await store.registers.get("k", { tx }))?.value).toBe("value");
        }),
        "the transaction",
      );

      await until(() => reader.has(idsOf(write).at(-1)), "the committed events");
      await reader.stop();
      expect(reader.ids).toStrictEqual(idsOf(write));
    },
  },
  {
    id: "transactions.conflict",
    rule: "a conflict in a transaction is reported as elsewhere, and the transaction can be rolled back",
    needs: "transactions",
    async run({ store, transaction }) {
      await store.append(writeOf("a-1", "any", 2));
      const before = await logIds(store);

      const conflict = transaction(async (tx) => {
        await store.append(writeOf("b-1", "no-stream"), { tx });
        await store.append(writeOf("a-1", 1), { tx });
      });

      await expectRefusal(conflict, "ES_CONCURRENCY", { streamId: "a-1", expected: 1, actual: 2 });
      expect(await logIds(store)).toStrictEqual(before);
    },
  },
  {
    id: "transactions.retry",
    rule: "a repeated append is recognised in a transaction as elsewhere",
    needs: "transactions",
    async run({ store, transaction }) {
      const write = writeOf("a-1", "no-stream", 2);
      const first = await store.append(write);
      await transaction(async (tx) => {
        expect(await store.append(write, { tx })).toStrictEqual({ ...first, duplicate: true });
      });

      expect(await logIds(store)).toStrictEqual(idsOf(write));
    },
  },
  {
    id: "transactions.registers",
    rule: "compare-and-set and delete in a transaction see what the transaction has written",
    needs: "transactions",
    async run({ store, transaction }) {
      await store.registers.set("gone", "x");
      await transaction(async (tx) => {
        const first = (await store.registers.set("k", "one", { tx, expected: 0 })) ?? -1;
        expect(await store.registers.set("k", "two", { tx, expected: 0 })).toBeUndefined();
        expect(await store.registers.set("k", "two", { tx, expected: first })).toBeGreaterThan(first);
        expect(await store.registers.delete("gone", { tx })).toBe(true);
        expect(await store.registers.get("gone", { tx })).toBeUndefined();
      });

      expect((await store.registers.get("k"))?.value).toBe("two");
      expect(await store.registers.get("gone")).toBeUndefined();
    },
  },
  {
    id: "transactions.one-after-the-other",
    rule: "transactions and plain appends to one stream that run at once lose nothing",
    needs: "transactions",
    timeoutMs: 30_000,
    async run({ store, transaction, within }) {
      const writes = Array.from({ length: 16 }, () => writeOf("a-1", "any", 2));
      const inTransaction = (index: number): Promise<unknown> => {
        const write = writes[index];
        if (write === undefined) return Promise.resolve();
        if (index % 2 === 0) return store.append(write);
        return transaction(async (tx) => {
          await store.append(write, { tx });
        });
      };

      await within(Promise.all(writes.map((_, index) => inTransaction(index))), "16 writers");

      expect((await streamIds(store, "a-1")).toSorted()).toStrictEqual(writes.flatMap(idsOf).toSorted());
      expect((await logIds(store)).toSorted()).toStrictEqual(writes.flatMap(idsOf).toSorted());
    },
  },
];
