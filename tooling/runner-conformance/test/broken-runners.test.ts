import { isEventSourcingError } from "@es/core";
import { type RunnerCase, runnerCases, runRunnerCase } from "@es/projections/conformance";
import { describe, expect, it } from "vitest";
import { optionsOfBoth } from "../src/broken-runner.ts";
import { brokenRunners } from "../src/broken-runners.ts";

function caseOf(id: string): RunnerCase {
  const found = runnerCases.find((one) => one.id === id);
  if (found === undefined) throw new Error(`there is no case ${id}`);
  return found;
}

/** Whether a case failed because of what happened, and not because what is broken threw by accident. */
function isFinding(error: unknown): boolean {
  if (isEventSourcingError(error)) return true;
  if (!(error instanceof Error)) return false;
  return error.name === "AssertionError" || /^waited \d+ ms in vain for (?!the fixture)/.test(error.message);
}

describe.each(brokenRunners)("what $fault", (one) => {
  const { right, broken } = optionsOfBoth(one);

  it.each(one.rejectedBy)("is rejected by %s, which passes without the fault", async (id) => {
    const rule = caseOf(id);

    await runRunnerCase(rule, right);
    const error: unknown = await runRunnerCase(rule, broken).then(
      () => expect.fail(`${id} passes on what is broken`),
      (reason: unknown) => reason,
    );

    expect(isFinding(error), String(error instanceof Error ? error.stack : error)).toBe(true);
  });
});

describe("the suite", () => {
  it("has no two cases with one id", () => {
    const ids = runnerCases.map(({ id }) => id);

    expect(ids.filter((id, index) => ids.indexOf(id) !== index)).toStrictEqual([]);
  });

  it("has something broken for every case", () => {
    const shown = new Set(brokenRunners.flatMap(({ rejectedBy }) => rejectedBy));

    expect(runnerCases.map(({ id }) => id).filter((id) => !shown.has(id))).toStrictEqual([]);
  });

  it("says of no fault twice that it is one", () => {
    const faults = brokenRunners.map(({ fault, base }) => `${fault} (${base})`);

    expect(faults.filter((fault, index) => faults.indexOf(fault) !== index)).toStrictEqual([]);
  });
});
