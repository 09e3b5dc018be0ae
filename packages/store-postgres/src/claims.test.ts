import { describe, expect, it } from "vitest";
import { type Claims, ClaimTable, claimsOf, lockSql } from "./claims.ts";
import type { EncodedAppend } from "@es/core/adapter";

function append(
  streamId: string,
  tags: readonly string[],
  query?: { readonly tags?: readonly string[] },
): EncodedAppend {
  return {
    writes: [{ streamId, expected: "any", events: [{ id: "id", type: "Happened", data: "{}", metadata: null, tags }] }],
    condition: query && { source: { none: query, after: "" }, queries: [query], after: 0 },
    events: 1,
    bytes: 2,
  };
}

function conflict(a: Claims, b: Claims): boolean {
  const table = new ClaimTable();
  table.add(a);
  return table.conflicts(b);
}

describe("claims", () => {
  it("keep appends of one stream apart, and let others go together", () => {
    const [a, b] = [claimsOf(append("a-1", []), false), claimsOf(append("b-1", []), false)];

    expect(conflict(a, a)).toBe(true);
    expect(conflict(a, b)).toBe(false);
  });

  it("let appends share tags, unless a condition is about them", () => {
    const tagged = claimsOf(append("a-1", ["x", "y"]), true);
    const sameTag = claimsOf(append("b-1", ["x"]), true);
    const condition = claimsOf(append("c-1", [], { tags: ["z", "x"] }), true);
    const other = claimsOf(append("d-1", [], { tags: ["w"] }), true);

    expect(conflict(tagged, sameTag)).toBe(false);
    expect(conflict(tagged, condition)).toBe(true);
    expect(conflict(condition, tagged)).toBe(true);
    expect(conflict(condition, other)).toBe(false);
  });

  it("let a condition without tags go with nothing else", () => {
    const everything = claimsOf(append("a-1", [], {}), true);

    expect(conflict(everything, claimsOf(append("b-1", []), true))).toBe(true);
    expect(conflict(claimsOf(append("b-1", []), true), everything)).toBe(true);
  });

  it("are free again when what had them is done", () => {
    const table = new ClaimTable();
    const shared = [claimsOf(append("a-1", ["x"]), true), claimsOf(append("b-1", ["x"]), true)];
    const condition = claimsOf(append("c-1", [], { tags: ["x"] }), true);
    for (const claims of shared) table.add(claims);
    for (const claims of shared) {
      expect(table.conflicts(condition)).toBe(true);
      table.remove(claims);
    }

    expect(table.conflicts(condition)).toBe(false);
  });
});

describe("lockSql", () => {
  it("takes the locks in one order, whatever the order of the appends", () => {
    const claims = [claimsOf(append("a-1", ["x", "y"]), true), claimsOf(append("b-1", ["z"]), true)];

    expect(lockSql(claims, 7)).toBe(lockSql(claims.toReversed(), 7));
    expect(lockSql(claims, 7)?.match(/_shared/g)).toHaveLength(4);
  });

  it("takes one lock for everything instead of more than the server has room for", () => {
    const tags = Array.from({ length: 1_000 }, (_, n) => `tag:${n}`);

    expect(lockSql([claimsOf(append("a-1", tags), true)], 7)).toMatch(/^SELECT pg_advisory_xact_lock\(7, -?\d+\)$/);
  });
});
