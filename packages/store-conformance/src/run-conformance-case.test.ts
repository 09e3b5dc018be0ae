import { createMemoryEventStore } from "@es/store-memory";
import { describe, expect, it } from "vitest";
import { type ConformanceCase, casesFor } from "./conformance-case.ts";
import type { ConformanceOptions, DeclaredCapabilities } from "./conformance-options.ts";
import { runConformanceCase } from "./run-conformance-case.ts";

const declares: DeclaredCapabilities = {
  atomicStreams: Number.POSITIVE_INFINITY,
  conditions: "query",
  transactions: false,
  shared: false,
  durability: "none",
};

const options: ConformanceOptions = { open: async () => ({ store: createMemoryEventStore() }), declares };

function caseThat(run: ConformanceCase["run"], members: Partial<ConformanceCase> = {}): ConformanceCase {
  return { id: "test.case", rule: "a rule", run, ...members };
}

describe("runConformanceCase", () => {
  it("fails with what the case found", async () => {
    const failing = caseThat(() => Promise.reject(new Error("found")));

    await expect(runConformanceCase(failing, options)).rejects.toThrow("found");
  });

  it("fails a case that does not end", async () => {
    const hanging = caseThat(() => new Promise(() => undefined), { timeoutMs: 20 });

    await expect(runConformanceCase(hanging, options)).rejects.toThrow(
      "waited 20 ms in vain for case test.case to end",
    );
  });

  it("fails a wait that takes too long, saying for what", async () => {
    const waiting = caseThat(({ within }) => within(new Promise(() => undefined), "a reply"));

    await expect(runConformanceCase(waiting, { ...options, timeoutScale: 0.002 })).rejects.toThrow(
      "waited 10 ms in vain for a reply",
    );
  });

  it("closes every store, and removes the data last", async () => {
    const done: string[] = [];
    const open = async () => {
      const store = createMemoryEventStore();
      return {
        store: { ...store, [Symbol.asyncDispose]: async () => void done.push("store closed") },
        close: async () => void done.push("data removed"),
      };
    };
    const two = caseThat(async ({ openOther }) => void (await openOther()));

    await runConformanceCase(two, { open, declares });

    expect(done).toStrictEqual(["store closed", "store closed", "data removed", "data removed"]);
  });

  it("fails when a store does not close", async () => {
    const open = async () => ({
      store: { ...createMemoryEventStore(), [Symbol.asyncDispose]: () => new Promise<void>(() => undefined) },
    });

    const run = runConformanceCase(
      caseThat(async () => undefined),
      { open, declares, timeoutScale: 0.002 },
    );

    await expect(run).rejects.toThrow("in vain for the store to close");
  });

  it("says which part of the fixture is missing", async () => {
    const reopening = caseThat(async ({ openAgain }) => void (await openAgain()));
    const joining = caseThat(({ transaction }) => transaction(async () => undefined));

    await expect(runConformanceCase(reopening, options)).rejects.toThrow("the fixture has no openAgain");
    await expect(runConformanceCase(joining, options)).rejects.toThrow("the fixture has no transaction");
  });
});

describe("casesFor", () => {
  it("gives the cases that need what is declared, and those for stores that lack the rest", () => {
    const run = async (): Promise<void> => undefined;
    const plain = caseThat(run);
    const needing = caseThat(run, { needs: "transactions" });
    const lacking = caseThat(run, { lacks: "transactions" });
    const reopening = caseThat(run, { needs: "reopen" });
    const all = [plain, needing, lacking, reopening];

    expect(casesFor(all, declares)).toStrictEqual([plain, lacking]);
    expect(casesFor(all, { ...declares, transactions: true })).toStrictEqual([plain, needing]);
    expect(casesFor(all, { ...declares, durability: "fsync" })).toStrictEqual([plain, lacking, reopening]);
  });
});
