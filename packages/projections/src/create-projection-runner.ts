import { atLeastOnceLedger } from "./at-least-once-ledger.ts";
import type { Projection } from "./projection.ts";
import type { ProjectionRunner } from "./projection-runner.ts";
import { Runner } from "./runner.ts";
import { type RunnerOptions, runnerSettings } from "./runner-options.ts";

/**
 * A runner for a projection. Nothing happens before `start`. Run one at a time for each name: a second one takes the
 * checkpoint over, and the first then gives up with a `CheckpointConflictError`.
 *
 * @throws ConfigurationError when an option is wrong
 */
export function createProjectionRunner(projection: Projection, options: RunnerOptions): ProjectionRunner {
  const settings = runnerSettings(options);
  return new Runner(
    projection,
    atLeastOnceLedger(projection, options.checkpoints ?? options.store.registers),
    settings,
  );
}
