import type { EventMetadata } from "@es/core";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { fromServerMetadata, toServerMetadata } from "./event-metadata.ts";

const AT = "2026-01-02T03:04:05.678Z";

function roundTrip(metadata: EventMetadata): unknown {
  const stored: unknown = JSON.parse(JSON.stringify(toServerMetadata(metadata, AT)));
  return fromServerMetadata(stored);
}

describe("metadata", () => {
  it("comes back exactly, with its members in their order", () => {
    fc.assert(
      fc.property(fc.dictionary(fc.string(), fc.jsonValue()), (given) => {
        const metadata: EventMetadata = JSON.parse(JSON.stringify(given));
        expect(JSON.stringify(roundTrip(metadata))).toBe(JSON.stringify({ metadata, recordedAt: Date.parse(AT) }));
      }),
    );
  });

  it("is flat text for the server, under the names that its tools know", () => {
    const stored = toServerMetadata({ correlationId: "a", causationId: "b", user: "ada", schemaVersion: 2 }, AT);

    expect(stored).toStrictEqual({
      "es.recordedAt": AT,
      $correlationId: "a",
      $causationId: "b",
      user: "ada",
      "es.metadata": '{"correlationId":"a","causationId":"b","user":"ada","schemaVersion":2}',
    });
  });

  it("needs no second copy when one text is all there is", () => {
    expect(toServerMetadata({ correlationId: "a" }, AT)).toStrictEqual({
      "es.recordedAt": AT,
      $correlationId: "a",
    });
    expect(toServerMetadata({}, AT)).toStrictEqual({ "es.recordedAt": AT });
  });

  it("never puts into flat members what an object of the client could not hold", () => {
    for (const key of ["__proto__", "constructor", "$mine", "es.metadata", "", "é"]) {
      expect(Object.keys(toServerMetadata(Object.fromEntries([[key, "x"]]), AT))).toStrictEqual([
        "es.recordedAt",
        "es.metadata",
      ]);
    }
  });

  it("of other clients is read as it is", () => {
    const stored = { $correlationId: "a", $causationId: "b", nested: { n: 1 }, "$schema.name": "X" };

    expect(fromServerMetadata(stored)).toStrictEqual({
      metadata: { correlationId: "a", causationId: "b", nested: { n: 1 } },
      recordedAt: undefined,
    });
    for (const odd of [undefined, new Uint8Array([1]), [1], "text", null]) {
      expect(fromServerMetadata(odd)).toStrictEqual({ metadata: {}, recordedAt: undefined });
    }
  });
});
