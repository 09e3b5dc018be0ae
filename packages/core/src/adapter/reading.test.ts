import { describe, expect, it } from "vitest";
import { START } from "../store/position.ts";
import { matchesQueries, queriesOf } from "./event-filter.ts";
import { formatPosition, parsePosition } from "./numeric-position.ts";
import { DEFAULT_PAGE_SIZE, prepareLogRead, prepareStreamRead } from "./read-options.ts";

describe("prepareStreamRead", () => {
  it("fills in the defaults", () => {
    expect(prepareStreamRead("a-1")).toMatchObject({
      from: 1,
      isBackward: false,
      pageSize: DEFAULT_PAGE_SIZE,
      signal: undefined,
    });
  });

  it("takes Infinity for everything", () => {
    const all = Number.POSITIVE_INFINITY;

    expect(prepareStreamRead("a-1", { to: all, limit: all })).toMatchObject({
      to: Number.MAX_SAFE_INTEGER,
      limit: Number.MAX_SAFE_INTEGER,
    });
  });

  it.each([{ from: -1 }, { to: 0.5 }, { limit: Number.NaN }, { pageSize: 0 }])("refuses %j", (options) => {
    expect(() => prepareStreamRead("a-1", options)).toThrow(Object.keys(options).join());
  });

  it("refuses a stream id that no store can hold", () => {
    expect(() => prepareStreamRead("")).toThrow("is empty");
  });
});

describe("prepareLogRead", () => {
  it("fills in the defaults", () => {
    expect(prepareLogRead()).toMatchObject({
      after: START,
      queries: undefined,
      isLive: false,
      pageSize: DEFAULT_PAGE_SIZE,
    });
  });

  it.each([{ limit: -1 }, { pageSize: 0.5 }])("refuses %j", (options) => {
    expect(() => prepareLogRead(options)).toThrow(Object.keys(options).join());
  });
});

describe("a filter", () => {
  const event = { type: "Opened", streamId: "account-1-x", tags: ["red", "round"] };

  it.each([
    [{}, true],
    [{ types: ["Opened", "Closed"] }, true],
    [{ types: ["Closed"] }, false],
    [{ categories: ["account"] }, true],
    [{ categories: ["account-1"] }, false],
    [{ tags: ["red", "round"] }, true],
    [{ tags: ["red", "square"] }, false],
    [{ types: ["Opened"], categories: ["user"] }, false],
    [[{ types: ["Closed"] }, { tags: ["red"] }], true],
  ])("%j matches: %s", (filter, matches) => {
    expect(matchesQueries(event, queriesOf(filter))).toBe(matches);
  });

  it("that is absent matches everything", () => {
    expect(matchesQueries(event, queriesOf(undefined))).toBe(true);
  });

  it.each([[[]], [{ types: [] }], [[{ categories: [] }]], [{ tags: [] }]])(
    "%j is refused, because it could mean all or none",
    (filter) => {
      expect(() => queriesOf(filter)).toThrow(expect.objectContaining({ code: "ES_CONFIGURATION" }));
    },
  );
});

describe("numeric positions", () => {
  it("sort as text in the order of their numbers", () => {
    const numbers = [0, 1, 9, 10, 99, 1_000_000, Number.MAX_SAFE_INTEGER];
    const positions = numbers.map(formatPosition);

    expect(positions.toSorted()).toEqual(positions);
    expect(positions.map(parsePosition)).toEqual(numbers);
    expect(positions[0]).toBe(START);
  });

  it.each(["1", "x", " ", "00000000000000001", "000000000000000x", "9999999999999999", "0000000000000000"])(
    "refuse %j",
    (position) => {
      expect(() => parsePosition(position)).toThrow(expect.objectContaining({ code: "ES_INVALID_POSITION" }));
    },
  );
});
