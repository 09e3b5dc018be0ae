import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { RecordTime } from "./record-time.ts";

describe("the time of an append", () => {
  beforeEach(() => {
    vi.useFakeTimers();
  });

  afterEach(() => {
    vi.useRealTimers();
  });

  it("is written like every date, whether the clock goes forward, stands still or goes back", () => {
    const time = new RecordTime();
    const start = Date.parse("2026-12-31T23:59:59.998Z");

    for (const ms of [0, 0, 1, 2, 3, 11, 1_001, 1_002, 999, -1, -1_000, -5, 86_400_000]) {
      vi.setSystemTime(start + ms);
      expect(time.now()).toBe(new Date(start + ms).toISOString());
    }
  });
});
