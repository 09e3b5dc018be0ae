import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { parsePosition, toPosition } from "./positions.ts";

const number = fc.bigInt({ min: 0n, max: 0xff_ff_ff_ff_ff_ff_ff_ffn });

describe("positions", () => {
  it("lead back to the place in the log, and sort as places do", () => {
    fc.assert(
      fc.property(number, number, number, (commit, prepare, other) => {
        const position = toPosition({ commit, prepare });
        expect(parsePosition(position)).toStrictEqual({ commit, prepare });
        expect(position < toPosition({ commit: other, prepare })).toBe(commit < other);
        expect(position < toPosition({ commit, prepare: other })).toBe(prepare < other);
      }),
    );
  });

  it.each(["x", "1.1", `${"9".repeat(20)}.${"0".repeat(20)}`, `${"0".repeat(20)}.${"0".repeat(20)}\n`])(
    "refuse %j",
    (text) => {
      expect(() => parsePosition(text)).toThrow("is not a position of this store");
    },
  );
});
