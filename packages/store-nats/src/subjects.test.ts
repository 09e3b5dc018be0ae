import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { categorySubject, escapeToken, streamIdOfSubject, subjectOf, unescapeToken } from "./subjects.ts";

describe("subjects of streams", () => {
  it.each([
    ["user-42", "es.user.42"],
    ["user-a-b_c", "es.user.a-b_c"],
    ["user", "es.user.=="],
    ["user-", "es.user.="],
    ["-1", "es.=.1"],
    ["-", "es.=.="],
    ["a.b-c d", "es.a=2Eb.c=20d"],
    ["a*-b>c", "es.a=2A.b=3Ec"],
    ["a=-=", "es.a=3D.=3D"],
    ["é-🎉", "es.=C3=A9.=F0=9F=8E=89"],
    ["\ufeffa-1", "es.=EF=BB=BFa.1"],
  ])("%j is %s", (streamId, subject) => {
    expect(subjectOf("es", streamId)).toBe(subject);
    expect(streamIdOfSubject("es", subject)).toBe(streamId);
  });

  it("bring back any stream id, and only ever one", () => {
    fc.assert(
      fc.property(fc.string({ unit: "grapheme" }), (text) => {
        const subject = subjectOf("es", text);
        expect(subject).toMatch(/^es\.[A-Za-z0-9_=-]+\.[A-Za-z0-9_=-]+$/);
        expect(streamIdOfSubject("es", subject)).toBe(text);
        expect(unescapeToken(escapeToken(text))).toBe(text);
      }),
    );
  });

  it("stay below a thousand characters for the longest name", () => {
    expect(subjectOf("p".repeat(64), " ".repeat(255)).length).toBeLessThan(1_000);
  });

  it.each(["es", "es.a", "es.a.b.c", "other.a.b", "es.a.=3d", "es.a.=5A", "es.a.=FF", "es..", "es.a.=C3"])(
    "%s is the subject of no stream",
    (subject) => {
      expect(streamIdOfSubject("es", subject)).toBeUndefined();
    },
  );

  it("of a category are found by one wildcard, with and without an id", () => {
    expect(categorySubject("es", "a.b")).toBe("es.a=2Eb.*");
  });
});
