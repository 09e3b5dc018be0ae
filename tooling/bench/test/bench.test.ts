import { execFile } from "node:child_process";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { expect, it } from "vitest";
import { reportSchema } from "../src/report.ts";

const MAIN = fileURLToPath(new URL("../src/main.ts", import.meta.url));

it("prints a ratio to the bare driver and writes valid JSON", async () => {
  const directory = await mkdtemp(join(tmpdir(), "bench-test-"));
  try {
    const json = join(directory, "results", "report.json");

    const { stdout } = await runMain("--quick", "--only", "sqlite-normal/append-1-callers-batch-10$", "--json", json);

    const report = reportSchema.parse(JSON.parse(await readFile(json, "utf8")));
    expect(report.cases.map(({ id }) => id)).toEqual(["sqlite-normal/append-1-callers-batch-10"]);
    for (const { ratio, ratios, toolkit, bare } of report.cases) {
      expect(ratios).toHaveLength(2);
      expect(ratio.median).toBeGreaterThan(0);
      expect(toolkit.p50Ms).toBeGreaterThan(0);
      expect(bare.p99Ms).toBeGreaterThanOrEqual(bare.p50Ms);
    }
    expect(stdout).toContain("ratio (min..max)");
    expect(stdout).toMatch(/Targets met: [01] of 1/);
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
});

it("measures the NATS store against its client", async () => {
  const { stdout } = await runMain("--quick", "--only", "^nats/(append-1-|live-)");

  expect(stdout).toContain("NATS JetStream");
  expect(stdout).toMatch(/Targets met: [01] of 1/);
}, 30_000);

it("looks at the heap ten times during a replay, by reads and by projections", async () => {
  const { stdout } = await runMain("--flat", "--events", "2000", "--only", "flat/(sqlite|memory)");

  expect(stdout.match(/^100 %: /gm)).toHaveLength(3);
  expect(stdout.match(/: 2,000 events at /g)).toHaveLength(3);
}, 30_000);

it("times the handlers of live projections, and what a program would do without", async () => {
  const directory = await mkdtemp(join(tmpdir(), "bench-test-"));
  try {
    const json = join(directory, "latency.json");

    await runMain("--latency", "--appends", "5", "--only", "latency/(memory|sqlite)$", "--json", json);

    const { latency } = reportSchema.parse(JSON.parse(await readFile(json, "utf8")));
    expect(latency.map(({ id, bare }) => [id, bare === null])).toStrictEqual([
      ["memory", true],
      ["sqlite", false],
    ]);
    for (const { toolkit } of latency) {
      expect(toolkit.fromAppend.p50Ms).toBeGreaterThan(0);
      expect(toolkit.fromAppend.p99Ms).toBeGreaterThanOrEqual(toolkit.fromAcknowledgement.p99Ms);
    }
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}, 30_000);

it("refuses a pattern that no case has", async () => {
  await expect(runMain("--only", "no such case")).rejects.toThrow("no case has an id like");
});

function runMain(...args: string[]): Promise<{ readonly stdout: string }> {
  return promisify(execFile)(process.execPath, ["--conditions=@es/source", MAIN, ...args]);
}
