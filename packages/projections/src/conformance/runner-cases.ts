import { checkpointCases } from "./cases/checkpoint.ts";
import { controlCases } from "./cases/control.ts";
import { exactlyOnceCases } from "./cases/exactly-once.ts";
import { failureCases } from "./cases/failure.ts";
import { followCases } from "./cases/follow.ts";
import { integrityCases } from "./cases/integrity.ts";
import { mismatchCases } from "./cases/mismatch.ts";
import { outboxCases } from "./cases/outbox.ts";
import { parkingCases } from "./cases/parking.ts";
import { processManagerCases } from "./cases/process-manager.ts";
import { sharedCases } from "./cases/shared.ts";
import { timeoutCases } from "./cases/timeouts.ts";
import type { RunnerCase } from "./runner-case.ts";

/** Everything that runners promise over a store, in the order in which it is best read. */
export const runnerCases: readonly RunnerCase[] = [
  ...followCases,
  ...checkpointCases,
  ...mismatchCases,
  ...integrityCases,
  ...failureCases,
  ...parkingCases,
  ...controlCases,
  ...sharedCases,
  ...exactlyOnceCases,
  ...outboxCases,
  ...processManagerCases,
  ...timeoutCases,
];
