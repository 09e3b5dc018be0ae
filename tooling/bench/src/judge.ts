import type { Target } from "./bench-case.ts";
import { countText, ratioTargetText } from "./format-figures.ts";
import type { CaseReport, SideReport } from "./report.ts";

/** What was measured, as far as targets are about it. */
export interface Measurement {
  /** The median of the rounds. */
  readonly ratio: number;
  readonly toolkit: SideReport;
  readonly bare: SideReport;
}

/** Each part of a target, and whether it was reached. */
export function judge(target: Target | undefined, { ratio, toolkit, bare }: Measurement): CaseReport["targets"] {
  const judged: CaseReport["targets"] = [];
  if (target?.ratio !== undefined) judged.push({ text: ratioTargetText(target.ratio), isMet: ratio >= target.ratio });
  if (target?.perSecond !== undefined) {
    const isMet = toolkit.operationsPerSecond.median >= target.perSecond;
    judged.push({ text: `≥ ${countText(target.perSecond)}/s`, isMet });
  }
  if (target?.isP99Lower === true) judged.push({ text: "p99 < bare", isMet: toolkit.p99Ms < bare.p99Ms });
  return judged;
}
