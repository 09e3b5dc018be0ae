export type { ConformanceCase, ConformanceContext, ConformanceNeed } from "./conformance-case.ts";
export { casesFor } from "./conformance-case.ts";
export { conformanceCases } from "./conformance-cases.ts";
export type { ConformanceOptions, DeclaredCapabilities, OpenedStore } from "./conformance-options.ts";
export { describeEventStore } from "./describe-event-store.ts";
export { runConformanceCase } from "./run-conformance-case.ts";
