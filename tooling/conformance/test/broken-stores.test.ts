import { isEventSourcingError } from "@es/core";
import { type ConformanceCase, conformanceCases, runConformanceCase } from "@es/store-conformance";
import { describe, expect, it } from "vitest";
import { brokenStores } from "../src/broken-stores.ts";
import { optionsOf } from "../src/right-stores.ts";

/** Cases that no broken store shows to fail, and why not. */
const NOT_SHOWN: ReadonlyMap<string, string> = new Map(
  ["commit", "rollback", "invisible-before-commit", "conflict", "retry", "registers", "one-after-the-other"].map(
    (id) => [`transactions.${id}`, "memory has no transactions, so there is no right store to break"],
  ),
);

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
    /^waited \d+ ms in vain|^Property failed|UNIQUE constraint|has not ended|the live read gave/.test(error.message)
  );
}

describe.each(brokenStores)("a store that $fault", ({ rejectedBy, base = "memory", breakStore }) => {
  it.each(rejectedBy)("is rejected by %s, which passes without the fault", async (id) => {
    const one = caseOf(id);

    await runConformanceCase(one, { ...optionsOf(base), propertyRuns: 100 });
    const error: unknown = await runConformanceCase(one, {
      ...optionsOf(base, breakStore),
      // What hangs is not worth waiting for.
      timeoutScale: 0.06,
      propertyRuns: 1_000,
    }).then(
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

  it("has a broken store for every case, or says why not", () => {
    const shown = new Set(brokenStores.flatMap(({ rejectedBy }) => rejectedBy));

    const notShown = conformanceCases.map(({ id }) => id).filter((id) => !shown.has(id));

    expect(notShown.toSorted()).toStrictEqual([...NOT_SHOWN.keys()].toSorted());
  });

  it("says of no fault twice that it is one", () => {
    const faults = brokenStores.map(({ fault, base }) => `${fault} (${base})`);

    expect(faults.filter((fault, index) => faults.indexOf(fault) !== index)).toStrictEqual([]);
  });
});
