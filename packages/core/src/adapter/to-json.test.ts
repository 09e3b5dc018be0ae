import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { toJsonObjectText, toJsonText } from "./json-text.ts";
import { MAX_JSON_DEPTH, NotJsonError } from "./not-json.ts";
import { cloneJson, toJson, toJsonObject } from "./to-json.ts";

/** Lists and objects, this deep. */
function nested(depth: number): unknown {
  let value: unknown = [];
  for (let level = 1; level < depth; level += 1) value = level % 2 === 0 ? [value] : { value };
  return value;
}

describe("toJson", () => {
  it("brings back exactly what JSON would", () => {
    const json = fc.jsonValue({ noUnicodeString: false, maxDepth: 6 });
    fc.assert(
      fc.property(json, (value) => {
        const expected: unknown = JSON.parse(JSON.stringify(value));

        expect(toJson(value, "data")).toStrictEqual(expected);
        expect(JSON.stringify(toJson(value, "data"))).toBe(JSON.stringify(value));
      }),
    );
  });

  it("leaves out members that are undefined, as JSON does", () => {
    const values = fc.dictionary(fc.string(), fc.option(fc.oneof(fc.integer(), fc.string()), { nil: undefined }));
    fc.assert(
      fc.property(values, (value) => {
        expect(toJson(value, "data")).toStrictEqual(JSON.parse(JSON.stringify(value)));
      }),
    );
  });

  it("shares nothing with what it copies", () => {
    const inner = { list: [1] };
    const copy = toJson({ inner }, "data");

    inner.list.push(2);

    expect(copy).toEqual({ inner: { list: [1] } });
  });

  it("keeps __proto__ an ordinary member", () => {
    const value: unknown = JSON.parse('{"__proto__":{"isAdmin":true},"constructor":1}');

    const copy = toJson(value, "data");

    expect(JSON.stringify(copy)).toBe('{"__proto__":{"isAdmin":true},"constructor":1}');
    expect(Object.getPrototypeOf(copy)).toBe(Object.prototype);
    expect(copy).not.toHaveProperty("isAdmin");
  });

  it("takes objects without a prototype", () => {
    const value: unknown = Object.assign(Object.create(null), { a: 1 });

    expect(toJson(value, "data")).toEqual({ a: 1 });
  });

  it("keeps half a surrogate pair and U+0000 in text", () => {
    expect(toJson({ text: "\ud800 \u0000" }, "data")).toEqual({ text: "\ud800 \u0000" });
  });

  it("makes -0 a 0", () => {
    expect(toJson([-0], "data")).toStrictEqual([0]);
  });

  it("takes the greatest depth and refuses one more", () => {
    expect(() => toJson(nested(MAX_JSON_DEPTH), "data")).not.toThrow();
    expect(() => toJson(nested(MAX_JSON_DEPTH + 1), "data")).toThrow(`is nested deeper than ${MAX_JSON_DEPTH} levels`);
  });

  it("refuses a cycle with a short message", () => {
    const cycle: Record<string, unknown> = {};
    cycle["self"] = cycle;

    expect(() => toJson(cycle, "data")).toThrow(/^data\.self.{0,200}refers to itself\)$/);
  });

  it.each([
    ["a Date", { at: [new Date(0)] }, "data.at[0] is a Date"],
    ["a Map", { map: new Map() }, "data.map is a Map"],
    ["a Set", new Set(), "data is a Set"],
    ["bytes", { bytes: new Uint8Array(1) }, "data.bytes is an Uint8Array"],
    ["a bigint", { n: 1n }, "data.n is a bigint"],
    ["a function", { f: () => 1 }, "data.f is a function"],
    ["a toJSON method", { toJSON: () => 1 }, "data.toJSON is a function"],
    ["a symbol", { s: Symbol("s") }, "data.s is a symbol"],
    ["NaN", { n: Number.NaN }, "data.n is NaN"],
    ["Infinity", [Number.NEGATIVE_INFINITY], "data[0] is -Infinity"],
    ["undefined", undefined, "data is undefined"],
    ["undefined in a list", { list: [1, undefined] }, "data.list[1] is undefined"],
    ["a hole in a list", Array.from({ length: 1 }), "data[0] is undefined"],
    ["an instance", new (class Money {})(), "data is a Money"],
    ["a boxed text", Object("text"), "data is a String"],
  ])("refuses %s and names the place", (_name, value, message) => {
    expect(() => toJson(value, "data")).toThrow(NotJsonError);
    expect(() => toJson(value, "data")).toThrow(message);
    expect(() => toJsonText(value, "data")).toThrow(NotJsonError);
    expect(() => toJsonText(value, "data")).toThrow(message);
  });
});

describe("toJsonText", () => {
  it("is the text of the copy", () => {
    const members = fc.dictionary(fc.string(), fc.option(fc.jsonValue({ noUnicodeString: false }), { nil: undefined }));
    fc.assert(
      fc.property(members, (value) => {
        expect(toJsonText(value, "data")).toBe(JSON.stringify(toJson(value, "data")));
      }),
    );
  });

  it("takes the greatest depth and refuses one more", () => {
    expect(toJsonText(nested(MAX_JSON_DEPTH), "data")).toBe(JSON.stringify(nested(MAX_JSON_DEPTH)));
    expect(() => toJsonText(nested(MAX_JSON_DEPTH + 1), "data")).toThrow(
      `is nested deeper than ${MAX_JSON_DEPTH} levels`,
    );
  });

  it("refuses a list that would turn itself into something else", () => {
    class Summary extends Array<number> {
      toJSON(): number {
        return this.length;
      }
    }

    expect(() => toJsonText({ list: Summary.of(1, 2) }, "data")).toThrow("data.list has a method toJSON");
    const hidden = Object.defineProperty({ amount: 5 }, "toJSON", { value: () => ({ amount: 999 }) });
    expect(() => toJsonText(hidden, "data")).toThrow("data has a method toJSON");
  });
});

describe("toJsonObject", () => {
  it.each([[[]], [null], ["text"], [1], [undefined]])("refuses %j", (value) => {
    expect(() => toJsonObject(value, "metadata")).toThrow("metadata is not an object");
    expect(() => toJsonObjectText(value, "metadata")).toThrow("metadata is not an object");
  });
});

describe("cloneJson", () => {
  it("copies all the way down", () => {
    const value = { list: [{ a: 1 }] };

    const copy = cloneJson(value);

    expect(copy).toEqual(value);
    expect(copy.list[0]).not.toBe(value.list[0]);
  });
});
