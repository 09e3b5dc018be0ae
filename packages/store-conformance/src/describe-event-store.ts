import { describe, it } from "vitest";
import { casesFor } from "./conformance-case.ts";
import { conformanceCases } from "./conformance-cases.ts";
import type { ConformanceOptions } from "./conformance-options.ts";
import { caseLimitMs, runConformanceCase } from "./run-conformance-case.ts";

/** Time that opening and closing a store may take besides the case itself. */
const FIXTURE_MS = 30_000;

/**
 * Registers the whole contract as vitest tests for one store. Call it once at the top of a test file.
 *
 * @example
 * ```ts
 * import { createMemoryEventStore } from "@es/store-memory";
 * import { describeEventStore } from "@es/store-conformance";
 *
 * describeEventStore("memory", {
 *   open: async () => ({ store: createMemoryEventStore() }),
 *   declares: { atomicStreams: Infinity, conditions: "query", transactions: false, shared: false, durability: "none" },
 * });
 * ```
 */
export function describeEventStore(name: string, options: ConformanceOptions): void {
  const cases = casesFor(conformanceCases, options.declares);
  const topicOf = (id: string): string => id.slice(0, id.indexOf("."));
  const topics = new Set(cases.map(({ id }) => topicOf(id)));
  describe(`the event store contract: ${name}`, () => {
    for (const topic of topics) {
      describe(topic, () => {
        for (const one of cases.filter(({ id }) => topicOf(id) === topic)) {
          const limit = caseLimitMs(one, options) + FIXTURE_MS * (options.timeoutScale ?? 1);
          it(`${one.rule} [${one.id}]`, { timeout: limit }, () => runConformanceCase(one, options));
        }
      });
    }
  });
}
