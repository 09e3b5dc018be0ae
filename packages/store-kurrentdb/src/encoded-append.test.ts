import { randomUUID } from "node:crypto";
import type { Write } from "@es/core";
import { describe, expect, it } from "vitest";
import { capabilitiesOf } from "./capabilities.ts";
import { encodeAppend } from "./encoded-append.ts";
import { sizeOf } from "./event-mapping.ts";

const FEATURES = { hasMultiStreamAppend: true, hasStreamChecks: true };
const AT = "2026-01-02T03:04:05.678Z";
const LARGE = capabilitiesOf(FEATURES, 1_000_000);

function writeOf(text: string): Write {
  const event = { id: randomUUID(), type: "Noted", data: { text }, metadata: { user: "ada" } };
  return { streamId: "a-1", expected: 0, events: [event, { ...event, id: randomUUID() }] };
}

describe("an append", () => {
  it.each([
    ["that takes one byte each", "x"],
    ["that takes three bytes each", "\u20ac"],
    ["that is escaped", "\u0001"],
  ])("of text %s may be as large as the limit, and no larger", (_, character) => {
    const write = writeOf(character.repeat(500));
    const size = encodeAppend(write, LARGE, AT)
      .flatMap(({ events }) => events)
      .reduce((bytes, event) => bytes + sizeOf(event), 0);

    expect(encodeAppend(write, capabilitiesOf(FEATURES, size), AT)).toHaveLength(1);
    expect(() => encodeAppend(write, capabilitiesOf(FEATURES, size - 1), AT)).toThrow(
      expect.objectContaining({ code: "ES_APPEND_TOO_LARGE", limit: size - 1, actual: size }),
    );
  });
});
