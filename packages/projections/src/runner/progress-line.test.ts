import { describe, expect, it } from "vitest";
import { progressLine } from "./progress-line.ts";
import type { RunnerStatus } from "./runner-status.ts";

const status: RunnerStatus = {
  projection: "totals",
  state: "catching-up",
  isHealthy: true,
  position: "7",
  events: 12_345,
  eventsPerSecond: 1_234.4,
  lagMs: 0,
  parkedStreams: 0,
  parkedEvents: 0,
  lastError: undefined,
};

describe("a progress line", () => {
  it.each([
    [{}, undefined, "totals: catching up, 12,345 events, 1,234/s"],
    [{ state: "live", events: 1, eventsPerSecond: 0 }, undefined, "totals: live, 1 event"],
    [{ lagMs: 7_260_000 }, undefined, "totals: catching up, 12,345 events, 1,234/s, 2 h behind"],
    [{}, { events: 7_655, isExact: true }, "totals: catching up, 12,345 events, 61 % (7,655 to go, 7 s left), 1,234/s"],
    [{ eventsPerSecond: 0 }, { events: 1, isExact: true }, "totals: catching up, 12,345 events, 99 % (1 to go)"],
    [{}, { events: 10_000, isExact: false }, "totals: catching up, 12,345 events, more than 10,000 to go, 1,234/s"],
    [{}, { events: 0, isExact: true }, "totals: catching up, 12,345 events, 1,234/s"],
    [
      {
        state: "failed",
        eventsPerSecond: 0,
        parkedStreams: 2,
        parkedEvents: 1_000_000,
        lastError: new Error("no\n\u001b[2Jway"),
      },
      undefined,
      "totals: failed, 12,345 events, 1,000,000 parked in 2, no [2Jway",
    ],
    [
      { eventsPerSecond: 0, lastError: "x".repeat(200) },
      undefined,
      `totals: catching up, 12,345 events, ${"x".repeat(119)}…`,
    ],
  ] as const)("of %j and %j is %j", (change, lag, line) => {
    expect(progressLine({ ...status, ...change }, lag === undefined ? undefined : { head: "9", ...lag })).toBe(line);
  });
});
