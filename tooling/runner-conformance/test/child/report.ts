import { writeSync } from "node:fs";
import { isEventSourcingError } from "@es/core";
import type { RunnerReport } from "@es/projections";

/** What a child says. */
export interface ChildReport {
  readonly kind: RunnerReport["kind"] | "pausing" | "woken" | "ended";
  readonly code?: string;
  readonly position?: string;
}

/** At once: a line that is still in a buffer would be lost when the process is killed. */
export function say(report: ChildReport): void {
  writeSync(1, `${JSON.stringify(report)}\n`);
}

/** Says what a runner reports. */
export function reporting(report: RunnerReport): void {
  say({
    kind: report.kind,
    ...("error" in report && isEventSourcingError(report.error) ? { code: report.error.code } : {}),
    ...("position" in report ? { position: report.position } : {}),
  });
}
