import { describe, expect, it } from "vitest";
import { formatPosition, sequenceOf } from "./positions.ts";

describe("positions", () => {
  it("sort as text in the order of the log", () => {
    const positions = [formatPosition(1, 0), formatPosition(1, 999), formatPosition(2, 0), formatPosition(10, 0)];

    expect(positions.toSorted()).toStrictEqual(positions);
    expect(positions.map(sequenceOf)).toStrictEqual([1, 1, 2, 10]);
    expect(sequenceOf("")).toBe(0);
  });

  it.each(["1.0", "0000000000000000.0000", "9999999999999999.0000", "0000000000000001", " 0000000000000001.0000"])(
    "%j is refused",
    (position) => {
      expect(() => sequenceOf(position)).toThrow(/not a position of this store/);
    },
  );
});
