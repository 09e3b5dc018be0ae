import { isEventSourcingError } from "@es/core";
import type { RunnerReport } from "@es/projections";
import { say } from "test-helpers";

/** What a child says. */
export interface ChildReport {
  readonly kind: RunnerReport["kind"] | "pausing" | "woken" | "ended";
  readonly code?: string;
  readonly position?: string;
}

/** Says what a runner reports. */
export function reporting(report: RunnerReport): void {
  say({
    kind: report.kind,
    ...("error" in report && isEventSourcingError(report.error) ? { code: report.error.code } : {}),
    ...("position" in report ? { position: report.position } : {}),
  } satisfies ChildReport);
}
