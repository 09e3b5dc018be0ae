import { expect, it } from "vitest";
import { median, percentile, spreadOf } from "../src/statistics.ts";

it("takes the middle figure of an odd number, whatever their order", () => {
  expect(median([9, 1, 5])).toBe(5);
});

it("takes the mean of the two middle figures of an even number", () => {
  expect(median([4, 1, 3, 2])).toBe(2.5);
});

it("sorts by size and not as text", () => {
  expect(median([10, 9, 100])).toBe(10);
});

it("reports the median between the smallest and the largest figure", () => {
  expect(spreadOf([0.9, 1.1, 0.8])).toEqual({ median: 0.9, min: 0.8, max: 1.1 });
});

it("gives the smallest figure that the share does not exceed", () => {
  const hundred = Array.from({ length: 100 }, (_, index) => 100 - index);

  expect(percentile(hundred, 50)).toBe(50);
  expect(percentile(hundred, 99)).toBe(99);
  expect(percentile(hundred, 100)).toBe(100);
  expect(percentile(hundred, 0)).toBe(1);
});

it("gives the largest of few figures for a high percentile", () => {
  expect(percentile([3, 1, 2], 99)).toBe(3);
  expect(percentile([7], 99)).toBe(7);
});

it("refuses to make a figure out of none", () => {
  expect(() => median([])).toThrow(RangeError);
  expect(() => spreadOf([])).toThrow(RangeError);
  expect(() => percentile([], 99)).toThrow(RangeError);
});
