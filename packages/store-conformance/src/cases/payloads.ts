import { type JsonValue, type NewEvent, type Write } from "@es/core";
import { expect } from "vitest";
import type { ConformanceCase } from "../conformance-case.ts";
import { appendAll, happened, untyped } from "../new-events.ts";
import { readLog, readStream } from "../reading.ts";
import { expectEmpty, expectRefusal } from "../refusal.ts";

const MEGABYTE = 1_000_000;

/** Text of the value, which shows what comparing objects may overlook: order of keys, a key named `__proto__`. */
function text(value: unknown): string {
  return JSON.stringify(value);
}

function nested(levels: number, wrap: (inner: unknown) => unknown): unknown {
  let value: unknown = wrap(0);
  for (let level = 1; level < levels; level += 1) value = wrap(value);
  return value;
}

const inList = (inner: unknown): unknown => [inner];
const inObject = (inner: unknown): unknown => ({ a: inner });

const GOOD: readonly JsonValue[] = [
  null,
  true,
  false,
  0,
  1,
  -1,
  0.1,
  -0.1,
  1e308,
  -1e308,
  5e-324,
  1e21,
  1e-7,
  Number.MAX_SAFE_INTEGER,
  Number.MIN_SAFE_INTEGER,
  "",
  " ",
  "text",
  "null",
  "[]",
  '"quoted" and \\ and /',
  "line\nbreak\r\n\ttab",
  "\u0000",
  "a\u0000b",
  "\u0001\u001f\u007f",
  "\u2028\u2029",
  "é ü 日本 👩‍👩‍👧‍👦",
  "caf\u00e9",
  "cafe\u0301",
  "\ufeff",
  "\ufffd",
  "\uffff",
  "\ud800",
  "a\udc00b",
  "\udc00\ud800",
  "2020-01-01T00:00:00.000Z",
  "$1 ? :name %s {0}",
  [],
  {},
  [[]],
  [{}],
  { a: [] },
  [null, [null]],
  [1, "1", true, null, { a: 1 }],
  { z: 1, a: 2, m: 3 },
  { 10: "ten", 9: "nine", b: "b", 1: "one" },
  { "": "empty key" },
  { "a b": 1, "a.b": 2, "a\u0000b": 3, é: 4, "\ud800": 5 },
  { constructor: 1, toString: 2, hasOwnProperty: 3, valueOf: { prototype: 4 }, toJSON: "text" },
  { length: 3, 0: "a" },
];
// An object literal would set the prototype instead.
const WITH_PROTO: JsonValue = JSON.parse('{"__proto__":{"admin":true},"a":{"__proto__":null},"z":1}');

class Money {
  readonly amount = 1;
}

/** What is not plain JSON, where it stands, and a path that the error must name. */
const BAD: readonly (readonly [value: unknown, path: string])[] = [
  [undefined, "data"],
  [{ when: new Date(0) }, "data.when"],
  [{ list: [{ big: 1n }] }, "data.list[0].big"],
  [Number.NaN, "data"],
  [{ n: Number.POSITIVE_INFINITY }, "data.n"],
  [[1, Number.NEGATIVE_INFINITY], "data[1]"],
  [[1, undefined], "data[1]"],
  [[() => 1], "data[0]"],
  [{ f: () => 1 }, "data.f"],
  [{ s: Symbol("s") }, "data.s"],
  [{ m: new Money() }, "data.m"],
  [new Map([["a", 1]]), "data"],
  [{ s: new Set([1]) }, "data.s"],
  [{ b: new Uint8Array([1]) }, "data.b"],
  [{ r: /x/ }, "data.r"],
  [{ e: new Error("x") }, "data.e"],
  [{ p: Promise.resolve(1) }, "data.p"],
  [{ n: Object(1) }, "data.n"],
];

function one(members: Partial<NewEvent>): Write {
  return { streamId: "a-1", expected: "any", events: [happened(1, members)] };
}

/** What event data and metadata may be, and that it comes back unchanged. */
export const payloadCases: readonly ConformanceCase[] = [
  {
    id: "payloads.round-trip",
    rule: "every JSON value comes back exactly, as data and in metadata, with its keys in their order",
    async run({ store }) {
      const values = [...GOOD, { deeply: { in: [GOOD] } }];
      const events = values.map((value) => happened(1, { data: value, metadata: { value } }));
      await appendAll(store, "a-1", events);

      for (const read of [await readStream(store, "a-1"), await readLog(store)]) {
        expect(read.map(({ data }) => text(data))).toStrictEqual(values.map(text));
        expect(read.map(({ metadata }) => text(metadata))).toStrictEqual(values.map((value) => text({ value })));
      }
    },
  },
  {
    id: "payloads.proto-key",
    rule: "a member named __proto__ is kept as an ordinary member",
    async run({ store }) {
      await store.append(one({ data: WITH_PROTO, metadata: { value: WITH_PROTO } }));

      const [event] = await readStream(store, "a-1");

      expect(text(event?.data)).toBe(text(WITH_PROTO));
      expect(text(event?.metadata)).toBe(text({ value: WITH_PROTO }));
      expect(Object.hasOwn(untyped<object>(event?.data), "__proto__")).toBe(true);
    },
  },
  {
    id: "payloads.nul",
    rule: "the character U+0000 and lone surrogates are kept in data",
    async run({ store }) {
      const data = { "a\u0000b": "\u0000 and \ud800 and \udfff and \ufffd" };
      await store.append(one({ data }));

      expect((await readStream(store, "a-1")).map((event) => event.data)).toStrictEqual([data]);
    },
  },
  {
    id: "payloads.numbers",
    rule: "numbers keep all their digits, and -0 becomes 0",
    async run({ store }) {
      const numbers = [
        0.1,
        1e308,
        5e-324,
        Number.MAX_SAFE_INTEGER,
        1.7976931348623157e308,
        123456789.12345679,
        4.35,
        1e-7,
      ];
      await store.append(one({ data: [...numbers, -0, { zero: -0 }], metadata: { zero: -0 } }));

      const [event] = await readStream(store, "a-1");

      // toStrictEqual tells 0 from -0.
      expect(event?.data).toStrictEqual([...numbers, 0, { zero: 0 }]);
      expect(event?.metadata).toStrictEqual({ zero: 0 });
    },
  },
  {
    id: "payloads.undefined-members",
    rule: "members that are undefined are left out",
    async run({ store }) {
      await store.append(one({ data: { a: undefined, b: { c: undefined, d: 1 } }, metadata: { x: undefined, y: 2 } }));

      const [event] = await readStream(store, "a-1");

      expect([event?.data, event?.metadata]).toStrictEqual([{ b: { d: 1 } }, { y: 2 }]);
    },
  },
  {
    id: "payloads.large",
    rule: "an event of a megabyte comes back exactly, where the store takes that much",
    async run({ store }) {
      const size = Math.min(MEGABYTE, Math.floor(store.capabilities.maxBytesPerAppend / 2));
      const data = { ascii: "0123456789".repeat(size / 20), wide: "日本語é".repeat(size / 40) };
      await store.append(one({ data }));

      const [event] = await readStream(store, "a-1");

      expect(text(event?.data) === text(data)).toBe(true);
    },
  },
  {
    id: "payloads.deep",
    rule: "900 levels of nesting are kept",
    async run({ store }) {
      for (const wrap of [inList, inObject]) {
        const data = nested(900, wrap);
        const { versions } = await store.append(one({ data, metadata: { deep: untyped<JsonValue>(data) } }));
        const [event] = await readStream(store, "a-1", { from: versions[0] ?? 0 });
        expect(text(event?.data) === text(data)).toBe(true);
        expect(text(event?.metadata) === text({ deep: data })).toBe(true);
      }
    },
  },
  {
    id: "payloads.too-deep",
    rule: "more than 1,000 levels of nesting, and data that refers to itself, are refused",
    async run({ store }) {
      const cyclic: Record<string, unknown> = { a: 1 };
      cyclic["self"] = cyclic;
      const ring: unknown[] = [1];
      ring.push({ ring });

      for (const data of [nested(1_001, inList), nested(1_001, inObject), nested(100_000, inList), cyclic, ring]) {
        await expectRefusal(store.append(one({ data })), "ES_INVALID_EVENT", {
          eventType: "Happened",
          streamId: "a-1",
        });
      }

      await expectEmpty(store);
    },
  },
  {
    id: "payloads.not-json",
    rule: "what JSON would change or lose is refused, and the error names its place",
    async run({ store }) {
      for (const [data, path] of BAD) {
        const message = await expectRefusal(store.append(one({ data })), "ES_INVALID_EVENT", {
          eventType: "Happened",
          streamId: "a-1",
        });
        expect(message).toContain(` ${path} `);
      }
      for (const value of BAD.map(([bad]) => bad).filter((bad) => bad !== undefined)) {
        const metadata = { value: untyped<JsonValue>(value) };
        expect(await expectRefusal(store.append(one({ metadata })), "ES_INVALID_EVENT")).toContain(" metadata.value");
      }

      await expectEmpty(store);
    },
  },
  {
    id: "payloads.metadata-is-object",
    rule: "metadata that is not an object is refused",
    async run({ store }) {
      for (const metadata of [null, [], "text", 1, true]) {
        await expectRefusal(store.append(one({ metadata: untyped(metadata) })), "ES_INVALID_EVENT");
      }

      await expectEmpty(store);
    },
  },
];
