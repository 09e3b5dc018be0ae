import { followCases } from "./cases/follow.ts";
import type { RunnerCase } from "./runner-case.ts";

/** Everything that runners promise over a store, in the order in which it is best read. */
export const runnerCases: readonly RunnerCase[] = [...followCases];
