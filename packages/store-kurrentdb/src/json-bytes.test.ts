import type { JsonValue } from "@es/core";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { jsonBytes, mostJsonBytes } from "./json-bytes.ts";

describe("the most bytes of a value as JSON", () => {
  it("are never less than its bytes", () => {
    fc.assert(
      fc.property(fc.jsonValue({ stringUnit: "binary" }), (given) => {
        const value: JsonValue = JSON.parse(JSON.stringify(given));
        expect(mostJsonBytes(value)).toBeGreaterThanOrEqual(jsonBytes(value));
      }),
    );
  });

  it.each<readonly [string, JsonValue]>([
    ["control characters", "\u0001".repeat(1_000)],
    ["halves of surrogate pairs", "\ud800".repeat(1_000)],
    ["characters of three bytes", "\u20ac".repeat(1_000)],
    ["characters of two units", "\u{1f600}".repeat(1_000)],
    ["keys that are escaped", { ["\u0001".repeat(1_000)]: true }],
    ["long numbers", [-1 / 3e300, -Number.MAX_VALUE, -5e-324, Number.MIN_SAFE_INTEGER]],
    ["words", [true, false, null]],
    ["nothing", [{}, [], ""]],
  ])("count %s", (_, value) => {
    expect(mostJsonBytes(value)).toBeGreaterThanOrEqual(jsonBytes(value));
  });
});
