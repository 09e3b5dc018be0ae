import type { BrokenRunners } from "./broken-runner.ts";
import { brokenCheckpoints } from "./broken/checkpoint.ts";
import { brokenControls } from "./broken/control.ts";
import { brokenProcessManagers, brokenTimeouts, brokenTransactions } from "./broken/exactly-once.ts";
import { brokenFailures } from "./broken/failure.ts";
import { brokenFollowing } from "./broken/follow.ts";
import { brokenSharing } from "./broken/shared.ts";

/** Everything with a deliberate fault. */
export const brokenRunners: readonly BrokenRunners[] = [
  ...brokenFollowing,
  ...brokenCheckpoints,
  ...brokenFailures,
  ...brokenControls,
  ...brokenSharing,
  ...brokenTransactions,
  ...brokenProcessManagers,
  ...brokenTimeouts,
];
