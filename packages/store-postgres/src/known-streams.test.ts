import type { ExpectedVersion } from "@es/core";
import { describe, expect, it } from "vitest";
import type { EncodedAppend } from "@es/core/adapter";
import { KnownStreams } from "./known-streams.ts";
import { now } from "./time-limit.ts";

function append(expected: ExpectedVersion, id = "11111111-1111-4111-8111-111111111111"): EncodedAppend {
  const events = [{ id, type: "Happened", data: "{}", metadata: null, tags: [] }];
  return { writes: [{ streamId: "a-1", expected, events }], condition: undefined, events: 1, bytes: 2 };
}

const OTHER_ID = "22222222-2222-4222-8222-222222222222";

describe("KnownStreams", () => {
  it("is certain of an append whose place was taken while it was waiting", () => {
    const known = new KnownStreams();
    const arrivedAt = now();

    known.stored(append(4), [5]);

    expect(known.staleness(append(4, OTHER_ID), arrivedAt)).toMatchObject({ actual: 5, isCertain: true });
  });

  it("is not certain of an append that came after its place was taken, because the stream may have been emptied since", () => {
    const known = new KnownStreams();
    known.stored(append(4), [5]);

    const stale = known.staleness(append(4, OTHER_ID), now() + 1);

    expect(stale).toMatchObject({ actual: 5, isCertain: false });
  });

  it("is not certain of an append that may be the repetition of the one that took its place", () => {
    const known = new KnownStreams();
    const arrivedAt = now();

    known.stored(append(4), [5]);

    expect(known.staleness(append(4), arrivedAt)).toMatchObject({ isCertain: false });
  });

  it("holds no append back that names no place, or one that is not taken", () => {
    const known = new KnownStreams();
    const arrivedAt = now();
    known.stored(append(4), [5]);

    for (const expected of ["any", "stream-exists", 5, 9] as const) {
      expect(known.staleness(append(expected, OTHER_ID), arrivedAt)).toBeUndefined();
    }
  });

  it("knows nothing any more once it was told to forget", () => {
    const known = new KnownStreams();
    const arrivedAt = now();
    known.stored(append(4), [5]);

    known.forget();

    expect(known.versionOf("a-1")).toBe(0);
    expect(known.staleness(append(4, OTHER_ID), arrivedAt)).toBeUndefined();
  });
});
