import { describe, expect, it } from "vitest";
import { LogParser } from "../src/git-log.ts";
import { barOf } from "../src/progress-bar.ts";
import { compareTotals } from "../src/reconcile.ts";
import { table, visible } from "../src/report.ts";

describe("the parser of git log", () => {
  const output = Buffer.from(
    "\u0001c1\u00021767225600\u0002Zo\u00eb\0\n:000000 100644 0 1 A\0caf\u00e9\0:100644 100644 1 2 R090\0old\0new\x003\t0\tcaf\u00e9\x001\t2\t\0old\0new\0\u0001c2\u00021767225600\u0002Ada\0",
    "utf8",
  );

  it("reads the same commits however the bytes are cut", () => {
    const whole = new LogParser();
    const expected = [...whole.push(output), ...whole.end()];

    for (let size = 1; size < 12; size += 1) {
      const parser = new LogParser();
      const commits = [];
      for (let start = 0; start < output.length; start += size)
        commits.push(...parser.push(output.subarray(start, start + size)));
      commits.push(...parser.end());
      expect(commits).toEqual(expected);
    }
    expect(expected).toEqual([
      {
        hash: "c1",
        time: "2026-01-01T00:00:00.000Z",
        author: "Zo\u00eb",
        changes: [
          { kind: "added", path: "caf\u00e9", added: 3, removed: 0 },
          { kind: "renamed", from: "old", path: "new", added: 1, removed: 2 },
        ],
      },
      { hash: "c2", time: "2026-01-01T00:00:00.000Z", author: "Ada", changes: [] },
    ]);
  });

  it("keeps paths apart that are not UTF-8", () => {
    const parser = new LogParser();
    const commits = parser.push(
      Buffer.from(
        "\u0001c1\u00020\u0002A\0\n:0 1 0 1 A\0a\xe9\\\0:0 1 0 1 A\0a\xe8\\\x001\t0\ta\xe9\\\x001\t0\ta\xe8\\\0\u0001c2\u00020\u0002A\0",
        "latin1",
      ),
    );

    expect(commits[0]?.changes.map(({ path }) => path)).toEqual(["a\\xE9\\\\", "a\\xE8\\\\"]);
  });

  it("refuses output that was cut off in the middle of a change", () => {
    const parser = new LogParser();
    parser.push(output.subarray(0, 40));

    expect(() => parser.end()).toThrow("ended in the middle");
  });
});

describe("the reconciliation", () => {
  const totals = { commits: 1, changes: 2, added: 3, removed: 4 };

  it("agrees on equal totals only", () => {
    expect(compareTotals(totals, { ...totals }).isEqual).toBe(true);
    for (const name of ["commits", "changes", "added", "removed"] as const) {
      const { isEqual, lines } = compareTotals(totals, { ...totals, [name]: 9 });
      expect(isEqual).toBe(false);
      expect(lines.filter((line) => line.includes("≠"))).toEqual([expect.stringContaining(name)]);
    }
  });
});

describe("what is shown", () => {
  it("keeps control characters out of the terminal", () => {
    expect(visible("a\u001b[31m\nb")).toBe("a\\u001b[31m\\nb");
    expect(table(["n", "name"], [["10", "x\ty"]])).toBe("   n  name\n  10  x\\ty");
  });

  it("says how far the import is, and how far the report is behind it", () => {
    const status = { commits: 5, totalCommits: 10, changes: 9_000, behind: 1_234 };

    expect(barOf(status, 1_000, 80)).toBe(
      `[${"█".repeat(10)}${"░".repeat(10)}]  50 %  1 s left  report 1,234 behind  9,000 events/s`,
    );
    expect(barOf(status, 1_000, 120)).toContain("9,000 events/s  commit 5 of 10");
    expect(barOf({ ...status, commits: 0 }, 0, 120)).not.toContain("left");
    expect(barOf({ commits: 0, totalCommits: 0, changes: 0, behind: 0 }, 0)).toContain("100 %");
  });

  it("fits into any terminal, with a bar that is as wide whatever stands behind it", () => {
    for (let columns = 1; columns < 200; columns += 1) {
      const lines = [1, 1_000_000].map((behind) =>
        barOf({ commits: 5, totalCommits: 10, changes: 9_000, behind }, 1_000, columns),
      );

      for (const line of lines) expect(line.length).toBeLessThan(columns);
      expect(new Set(lines.map((line) => line.split("]")[0])).size).toBe(1);
    }
  });
});
