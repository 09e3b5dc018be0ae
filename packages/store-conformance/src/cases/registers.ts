import { expect } from "vitest";
import type { ConformanceCase } from "../conformance-case.ts";
import { untyped, writeOf } from "../new-events.ts";
import { collect, logIds } from "../reading.ts";
import { expectRefusal } from "../refusal.ts";

const ODD_KEYS: readonly string[] = [
  "a",
  "A",
  "a%",
  "a%b",
  "a_",
  "a_b",
  "axb",
  "a.b",
  "a*b",
  "a>b",
  "a/b",
  "a\\b",
  "a'b",
  'a"b',
  "a b",
  "a ",
  " a",
  "%",
  "_",
  "*",
  ">",
  "🎉",
  "🎉a",
  "é",
  "e\u0301",
  "__proto__",
  "constructor",
  "a\nb",
  "日本",
  "\u{10ffff}",
  "checkpoint:p%1",
  "checkpoint:p_1",
  "checkpoint:px1",
  "a".repeat(320),
  "\u{1f600}".repeat(80),
];
const BAD_KEYS: readonly unknown[] = [
  "",
  "a\u0000b",
  "\ud800",
  "a".repeat(321),
  "\u{1f600}".repeat(81),
  null,
  undefined,
  7,
];
const BAD_REVISIONS: readonly unknown[] = [-1, 1.5, Number.NaN, "1", null];

/** Named values with compare-and-set. */
export const registerCases: readonly ConformanceCase[] = [
  {
    id: "registers.set-and-get",
    rule: "a register holds the value last set, with the revision that setting it gave",
    async run({ store: { registers } }) {
      expect(await registers.get("k")).toBeUndefined();
      const first = await registers.set("k", "one");
      expect(await registers.get("k")).toStrictEqual({ value: "one", revision: first });
      const second = await registers.set("k", "one");

      expect(await registers.get("k")).toStrictEqual({ value: "one", revision: second });
      expect([first, second].every((revision) => Number.isSafeInteger(revision))).toBe(true);
      expect(first).toBeGreaterThan(0);
      expect(second).toBeGreaterThan(first ?? 0);
    },
  },
  {
    id: "registers.compare-and-set",
    rule: "a write with an expected revision happens only while that revision is current",
    async run({ store: { registers } }) {
      const first = (await registers.set("k", "one", { expected: 0 })) ?? -1;
      expect(first).toBeGreaterThan(0);
      expect(await registers.set("k", "x", { expected: 0 })).toBeUndefined();
      expect(await registers.set("k", "x", { expected: first + 1 })).toBeUndefined();
      expect(await registers.set("other", "x", { expected: first })).toBeUndefined();
      expect(await registers.get("k")).toStrictEqual({ value: "one", revision: first });
      expect(await registers.get("other")).toBeUndefined();

      const second = (await registers.set("k", "two", { expected: first })) ?? -1;

      expect(second).toBeGreaterThan(first);
      expect(await registers.set("k", "x", { expected: first })).toBeUndefined();
      expect(await registers.get("k")).toStrictEqual({ value: "two", revision: second });
    },
  },
  {
    id: "registers.delete",
    rule: "deleting makes a register absent, once, and only at the expected revision if one is given",
    async run({ store: { registers } }) {
      expect(await registers.delete("k")).toBe(false);
      expect(await registers.delete("k", { expected: 0 })).toBe(false);
      const revision = (await registers.set("k", "one")) ?? -1;
      expect(await registers.delete("k", { expected: revision + 1 })).toBe(false);
      expect(await registers.delete("k", { expected: 0 })).toBe(false);
      expect(await registers.get("k")).toStrictEqual({ value: "one", revision });

      expect(await registers.delete("k", { expected: revision })).toBe(true);

      expect(await registers.get("k")).toBeUndefined();
      expect(await registers.delete("k")).toBe(false);
      expect(await collect(registers.keys(""))).toStrictEqual([]);
    },
  },
  {
    id: "registers.revision-never-returns",
    rule: "a register that was deleted and set again has a revision that it never had, so an old revision stays refused",
    async run({ store: { registers } }) {
      const revisions: number[] = [];
      for (let round = 0; round < 4; round += 1) {
        const set = await registers.set("k", `value ${round}`, { expected: 0 });
        const changed = await registers.set("k", "changed");
        revisions.push(set ?? -1, changed ?? -1);
        expect(await registers.delete("k", { expected: changed ?? -1 })).toBe(true);
        for (const old of revisions) expect(await registers.set("k", "x", { expected: old })).toBeUndefined();
      }

      expect(revisions).toHaveLength(8);
      expect(revisions).toStrictEqual([...new Set(revisions)].toSorted((a, b) => a - b));
    },
  },
  {
    id: "registers.values",
    rule: "a value is any well-formed text, also empty, with U+0000, and half as large as an append may be (500,000 characters are tried)",
    async run({ store: { capabilities, registers } }) {
      const long = "x".repeat(Math.min(500_000, Math.floor(capabilities.maxBytesPerAppend / 2)));
      const values = [
        "",
        " ",
        "null",
        "\u0000",
        "a\u0000b",
        "é e\u0301 日本 👩‍👩‍👧‍👦",
        "'; --",
        "line\r\n",
        "\ufeff",
        long,
      ];
      for (const [index, value] of values.entries()) await registers.set(`k${index}`, value);

      for (const [index, value] of values.entries()) {
        expect((await registers.get(`k${index}`))?.value === value, `value ${index}`).toBe(true);
      }
    },
  },
  {
    id: "registers.odd-keys",
    rule: "keys are kept exactly, and no two different ones are the same register",
    async run({ store: { registers } }) {
      for (const key of ODD_KEYS) await registers.set(key, `of ${key}`, { expected: 0 });

      for (const key of ODD_KEYS) expect((await registers.get(key))?.value).toBe(`of ${key}`);
      expect((await collect(registers.keys(""))).toSorted()).toStrictEqual(ODD_KEYS.toSorted());
    },
  },
  {
    id: "registers.keys",
    rule: "`keys` gives each key that starts with the prefix once, and takes no character for a pattern",
    async run({ store: { registers } }) {
      for (const key of ODD_KEYS) {
        await registers.set(key, "1");
        await registers.set(key, "2");
      }
      await registers.delete("a.b");
      const keys = ODD_KEYS.filter((key) => key !== "a.b");

      for (const prefix of [...ODD_KEYS, "", "checkpoint:", "checkpoint:p", "absent", "a\\"]) {
        const found = (await collect(registers.keys(prefix))).toSorted();
        expect(found, JSON.stringify(prefix)).toStrictEqual(keys.filter((key) => key.startsWith(prefix)).toSorted());
      }
    },
  },
  {
    id: "registers.keys-many",
    rule: "`keys` gives thousands of keys, and the caller may delete them meanwhile",
    timeoutMs: 30_000,
    async run({ store: { registers }, within }) {
      const expected = Array.from({ length: 1_200 }, (_, index) => `k:${String(index).padStart(4, "0")}`);
      await within(Promise.all(expected.map((key) => registers.set(key, "1"))), "1,200 registers");

      const found: string[] = [];
      for await (const key of registers.keys("k:")) {
        found.push(key);
        await registers.delete(key);
      }

      expect(found.toSorted()).toStrictEqual(expected);
      expect(await collect(registers.keys("k:"))).toStrictEqual([]);
    },
  },
  {
    id: "registers.one-winner",
    rule: "of 16 writers that expect one revision, exactly one wins, and its value is there",
    async run({ store: { registers }, within }) {
      for (let round = 0; round < 5; round += 1) {
        const expected = (await registers.get("k"))?.revision ?? 0;
        const writes = Array.from({ length: 16 }, (_, n) => registers.set("k", `${round}/${n}`, { expected }));

        const revisions = await within(Promise.all(writes), "16 writers");

        const winners = revisions.flatMap((revision, n) =>
          revision === undefined ? [] : [{ value: `${round}/${n}`, revision }],
        );
        expect(winners).toStrictEqual([await registers.get("k")]);
      }
    },
  },
  {
    id: "registers.counter",
    rule: "16 writers that each read, add one and compare-and-set until they win count to 16",
    timeoutMs: 30_000,
    async run({ store: { registers }, within }) {
      const addOne = async (): Promise<void> => {
        for (let attempt = 0; attempt < 200; attempt += 1) {
          const now = await registers.get("k");
          const value = String(Number(now?.value ?? 0) + 1);
          if ((await registers.set("k", value, { expected: now?.revision ?? 0 })) !== undefined) return;
        }
        expect.fail("lost 200 races in a row");
      };

      await within(Promise.all(Array.from({ length: 16 }, addOne)), "16 writers");

      expect((await registers.get("k"))?.value).toBe("16");
    },
  },
  {
    id: "registers.apart-from-events",
    rule: "registers are no events: they move no head and appear in no read",
    async run({ store }) {
      const { position } = await store.append(writeOf("a-1", "any"));
      await store.registers.set("a-1", "value");
      await store.registers.delete("a-1");

      expect(await store.head()).toBe(position);
      expect(await logIds(store)).toHaveLength(1);
    },
  },
  {
    id: "registers.refuses-nonsense",
    rule: "bad keys, values that are no well-formed text and bad revisions are refused, and nothing is written",
    async run({ store: { registers } }) {
      for (const bad of BAD_KEYS) {
        const key = untyped<string>(bad);
        await expectRefusal(registers.get(key), "ES_CONFIGURATION");
        await expectRefusal(registers.set(key, "x"), "ES_CONFIGURATION");
        await expectRefusal(registers.delete(key), "ES_CONFIGURATION");
      }
      for (const bad of ["\ud800", "a\udc00b", 1, null, {}, new Uint8Array(1)]) {
        await expectRefusal(registers.set("k", untyped<string>(bad)), "ES_CONFIGURATION");
      }
      for (const bad of BAD_REVISIONS) {
        const options = { expected: untyped<number>(bad) };
        await expectRefusal(registers.set("k", "x", options), "ES_CONFIGURATION");
        await expectRefusal(registers.delete("k", options), "ES_CONFIGURATION");
      }

      expect(await collect(registers.keys(""))).toStrictEqual([]);
    },
  },
];
