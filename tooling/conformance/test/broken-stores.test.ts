import { isEventSourcingError } from "@es/core";
import { type ConformanceCase, conformanceCases, runConformanceCase } from "@es/store-conformance";
import { describe, expect, it } from "vitest";
import { optionsOfBoth } from "../src/broken-store.ts";
import { brokenStores } from "../src/broken-stores.ts";

function caseOf(id: string): ConformanceCase {
  const found = conformanceCases.find((one) => one.id === id);
  if (found === undefined) throw new Error(`there is no case ${id}`);
  return found;
}

/** Whether a case failed because of what the store did, and not because the broken store itself threw by accident. */
function isFinding(error: unknown): boolean {
  if (isEventSourcingError(error)) return true;
  if (!(error instanceof Error)) return false;
  return (
    error.name === "AssertionError" ||
    /^waited \d+ ms in vain for (?!the fixture)|^Property failed|UNIQUE constraint|has not ended|the live read gave/.test(
      error.message,
    )
  );
}

describe.each(brokenStores)("a store that $fault", (one) => {
  const { right, broken } = optionsOfBoth(one);

  it.each(one.rejectedBy)("is rejected by %s, which passes without the fault", async (id) => {
    const rule = caseOf(id);

    await runConformanceCase(rule, { ...right, propertyRuns: 100 });
    const error: unknown = await runConformanceCase(rule, { ...broken, propertyRuns: 1_000 }).then(
      () => expect.fail(`${id} passes on the broken store`),
      (reason: unknown) => reason,
    );

    expect(isFinding(error), String(error instanceof Error ? error.stack : error)).toBe(true);
  });
});

describe("the kit", () => {
  it("has no two cases with one id", () => {
    const ids = conformanceCases.map(({ id }) => id);

    expect(ids.filter((id, index) => ids.indexOf(id) !== index)).toStrictEqual([]);
  });

  it("has a broken store for every case", () => {
    const shown = new Set(brokenStores.flatMap(({ rejectedBy }) => rejectedBy));

    expect(conformanceCases.map(({ id }) => id).filter((id) => !shown.has(id))).toStrictEqual([]);
  });

  it("says of no fault twice that it is one", () => {
    const faults = brokenStores.map(({ fault, base }) => `${fault} (${base})`);

    expect(faults.filter((fault, index) => faults.indexOf(fault) !== index)).toStrictEqual([]);
  });
});
