import { expect, it } from "vitest";
import { runRounds } from "../src/run-rounds.ts";

it("loses, doubles and tears nothing in 20 rounds of kill -9", { timeout: 120_000 }, async () => {
  const report = await runRounds({ rounds: 20 });

  expect(report).toMatchObject({ rounds: 20, kills: 100, problems: [] });
  expect(report.acknowledged).toBeGreaterThan(1_000);
  // Otherwise the kills would have missed the moments that count.
  expect(report.interrupted.stored + report.interrupted.notStored).toBeGreaterThan(20);
});
