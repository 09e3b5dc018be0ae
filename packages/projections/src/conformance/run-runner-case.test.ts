import { createMemoryEventStore } from "@es/store-memory";
import { describe, expect, it } from "vitest";
import { Notes } from "./notes.ts";
import { runRunnerCase } from "./run-runner-case.ts";
import { type RunnerCase, runnerCasesFor } from "./runner-case.ts";
import type { RunnerConformanceOptions } from "./runner-conformance-options.ts";

const declares = { transactions: false, shared: false, durability: "none" } as const;
const options: RunnerConformanceOptions = { open: async () => ({ store: createMemoryEventStore() }), declares };

function caseThat(run: RunnerCase["run"], members: Partial<RunnerCase> = {}): RunnerCase {
  return { id: "test.case", rule: "a rule", run, ...members };
}

describe("runRunnerCase", () => {
  it("fails with what the case found", async () => {
    const failing = caseThat(() => Promise.reject(new Error("found")));

    await expect(runRunnerCase(failing, options)).rejects.toThrow("found");
  });

  it("fails a case that does not end, and a wait that takes too long, saying which", async () => {
    const hanging = caseThat(() => new Promise(() => undefined));
    const waiting = caseThat(({ within }) => within(new Promise(() => undefined), "a reply"));
    const asking = caseThat(({ until }) => until(() => false, "the sun"));
    const quick = { ...options, timeoutScale: 0.002 };

    await expect(runRunnerCase(hanging, quick)).rejects.toThrow("waited 30 ms in vain for case test.case to end");
    await expect(runRunnerCase(waiting, quick)).rejects.toThrow("waited 10 ms in vain for a reply");
    await expect(runRunnerCase(asking, quick)).rejects.toThrow("waited 10 ms in vain for the sun");
  });

  it("stops the runners that a case left running, closes every store, and removes the data last", async () => {
    const done: string[] = [];
    const open = async () => {
      const store = createMemoryEventStore();
      return {
        store: { ...store, [Symbol.asyncDispose]: async () => void done.push("store closed") },
        close: async () => void done.push("data removed"),
      };
    };
    const leaving = caseThat(async ({ openOther, runners, store }) => {
      await openOther();
      const notes = new Notes();
      const runner = runners.atLeastOnce(notes.projection, { store });
      await runner.start();
      runner.done.then(
        () => done.push("runner stopped"),
        () => undefined,
      );
    });

    await runRunnerCase(leaving, { open, declares });

    expect(done).toStrictEqual(["runner stopped", "store closed", "store closed", "data removed", "data removed"]);
  });

  it("says which part of the fixture is missing", async () => {
    const reopening = caseThat(async ({ openAgain }) => void (await openAgain()));
    const joining = caseThat(async ({ transactional }) => void transactional());

    await expect(runRunnerCase(reopening, options)).rejects.toThrow("the fixture has no openAgain");
    await expect(runRunnerCase(joining, options)).rejects.toThrow("the fixture has no transaction");
  });
});

describe("runnerCasesFor", () => {
  it("gives the cases that need what is declared, and those for stores that lack the rest", () => {
    const run = async (): Promise<void> => undefined;
    const plain = caseThat(run);
    const joining = caseThat(run, { needs: "transactions" });
    const lacking = caseThat(run, { lacks: "transactions" });
    const reopening = caseThat(run, { needs: "reopen" });
    const sharing = caseThat(run, { needs: "shared" });
    const all = [plain, joining, lacking, reopening, sharing];

    expect(runnerCasesFor(all, declares)).toStrictEqual([plain, lacking]);
    expect(runnerCasesFor(all, { ...declares, transactions: true })).toStrictEqual([plain, joining]);
    expect(runnerCasesFor(all, { ...declares, durability: "fsync" })).toStrictEqual([plain, lacking, reopening]);
    expect(runnerCasesFor(all, { ...declares, shared: true })).toStrictEqual([plain, lacking, reopening, sharing]);
  });
});
