export { describeRunners } from "./describe-runners.ts";
export { runRunnerCase } from "./run-runner-case.ts";
export type { RunnerCase, RunnerCaseContext, RunnerCaseNeed } from "./runner-case.ts";
export { runnerCasesFor } from "./runner-case.ts";
export { runnerCases } from "./runner-cases.ts";
export type {
  DeclaredRunnerCapabilities,
  OpenedRunnerStore,
  RunnerConformanceOptions,
} from "./runner-conformance-options.ts";
export type { RunnersUnderTest } from "./runners-under-test.ts";
