import type { BenchCase, Targets } from "./bench-case.ts";
import { assertCount } from "./commit-cases.ts";
import { PROJECTED_EVENTS, seedLog } from "./read-cases.ts";

const EVENTS_PER_SECOND = 80_000;

const targets: Targets = {
  postgres: { perSecond: EVENTS_PER_SECOND / PROJECTED_EVENTS },
};

/** Projections into a database, exactly once. */
export const FOLD_CASES: readonly BenchCase[] = [
  {
    id: "fold-200000",
    title:
      "catch-up projection, 200,000 events folded into 20,000 rows, exactly once (0.4 a second are 80,000 events/s)",
    callers: 1,
    eventsPerOperation: PROJECTED_EVENTS,
    targets,
    only: ["sqlite-full", "postgres", "memory-postgres"],
    isWriting: false,
    seed: (subject) => seedLog(subject, PROJECTED_EVENTS),
    prepare: (subject) => async () => assertCount((await subject.projectTotals?.()) ?? 0, PROJECTED_EVENTS),
    verify: async () => undefined,
  },
];
