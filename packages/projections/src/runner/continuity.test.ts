import type { RecordedEvent } from "@es/core";
import { describe, expect, it } from "vitest";
import { ContinuityCheck } from "./continuity.ts";

function event(streamId: string, version: number): RecordedEvent {
  const position = String(version).padStart(16, "0");
  return { id: "x", streamId, version, position, type: "T", data: 1, metadata: {}, tags: [], recordedAt: 0 };
}

describe("the completeness check", () => {
  it("believes a stream that it meets for the first time, unless it knows them all", () => {
    const resumed = new ContinuityCheck({ seesWholeStreams: true, fromBeginning: false });
    const fromStart = new ContinuityCheck({ seesWholeStreams: true, fromBeginning: true });

    resumed.check([event("a-1", 7), event("a-1", 8)]);

    expect(() => fromStart.check([event("a-1", 7)])).toThrow(/a hole/);
    expect(() => resumed.check([event("a-1", 10)])).toThrow(/a hole/);
    expect(() => resumed.check([event("a-1", 8)])).toThrow(/a double/);
  });

  it("tells only doubles where some types are not read", () => {
    const check = new ContinuityCheck({ seesWholeStreams: false, fromBeginning: true });

    check.check([event("a-1", 3), event("a-1", 9)]);

    expect(() => check.check([event("a-1", 9)])).toThrow(/a double/);
  });

  it("forgets the stream that was quiet for longest, and then believes it", () => {
    const check = new ContinuityCheck({ seesWholeStreams: true, fromBeginning: true, maxStreams: 2 });
    check.check([event("a-1", 1), event("b-1", 1), event("a-1", 2), event("c-1", 1)]);

    check.check([event("b-1", 5)]);

    expect(() => check.check([event("c-1", 3)])).toThrow(/a hole/);
  });
});
