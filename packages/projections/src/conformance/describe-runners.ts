import { describe, it } from "vitest";
import { runnerCaseLimitMs, runRunnerCase } from "./run-runner-case.ts";
import { runnerCasesFor } from "./runner-case.ts";
import { runnerCases } from "./runner-cases.ts";
import type { RunnerConformanceOptions } from "./runner-conformance-options.ts";

/** Time that opening and closing a store may take besides the case itself. */
const FIXTURE_MS = 30_000;

/**
 * Registers as vitest tests everything that runners promise, for one store. Call it once at the top of a test file.
 *
 * @example
 * ```ts
 * import { describeRunners } from "@es/projections/conformance";
 * import { createMemoryEventStore } from "@es/store-memory";
 *
 * describeRunners("memory", {
 *   open: async () => ({ store: createMemoryEventStore() }),
 *   declares: { transactions: false, shared: false, durability: "none" },
 * });
 * ```
 */
export function describeRunners(name: string, options: RunnerConformanceOptions): void {
  const cases = runnerCasesFor(runnerCases, options.declares);
  const limit = runnerCaseLimitMs(options) + FIXTURE_MS * (options.timeoutScale ?? 1);
  describe(`runners over ${name}`, () => {
    for (const [topic, ofTopic] of Map.groupBy(cases, ({ id }) => id.split(".")[0] ?? id)) {
      describe(topic, () => {
        for (const one of ofTopic) {
          it(`${one.rule} [${one.id}]`, { timeout: limit }, () => runRunnerCase(one, options));
        }
      });
    }
  });
}
