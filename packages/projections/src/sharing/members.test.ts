import { describe, expect, it } from "vitest";
import { quotaOf } from "./members.ts";

/** The quotas of processes that take at most so many. */
function quotas(partitions: number, ...most: readonly number[]): readonly number[] {
  const members = most.map((max, index) => ({ id: `m${index}`, beat: 1, max }));
  return members.map(({ id }) => quotaOf(id, partitions, members));
}

describe("a fair share", () => {
  it.each([
    [4, [4], [4]],
    [4, [4, 4], [2, 2]],
    [5, [5, 5], [3, 2]],
    [4, [4, 4, 4], [2, 1, 1]],
    [2, [2, 2, 2], [1, 1, 0]],
    [4, [4, 1], [3, 1]],
    [8, [2, 3, 8], [2, 3, 3]],
    [8, [1, 2], [1, 2]],
  ] as const)("of %i partitions for processes that take %j is %j", (partitions, most, expected) => {
    expect(quotas(partitions, ...most)).toStrictEqual(expected);
  });

  it("of one that is not on the list is nothing", () => {
    expect(quotaOf("x", 4, [{ id: "m", beat: 1, max: 4 }])).toBe(0);
  });
});
