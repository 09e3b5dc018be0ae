import { assertRunnable, ledgerFor, type UntypedRunnerOptions } from "../checkpoint/ledger-for.ts";
import type { Delivery, ExactlyOnce } from "../definition/delivery.ts";
import type { Projection } from "../definition/projection.ts";
import type { ProjectionRunner } from "./projection-runner.ts";
import { Runner } from "./runner.ts";
import { type ExactlyOnceRunnerOptions, type RunnerOptions, runnerSettings } from "./runner-options.ts";

/**
 * A runner for a projection. Nothing happens before `start`. Run one at a time for each name: a second one takes the
 * checkpoint over, and the first then gives up with a `CheckpointConflictError`.
 *
 * @throws ConfigurationError when an option is wrong
 */
export function createProjectionRunner(
  projection: Projection,
  options: RunnerOptions,
): ProjectionRunner<"at-least-once">;
/** As above, for a projection whose effects are written in transactions of the sink. */
export function createProjectionRunner<Tx>(
  projection: Projection<ExactlyOnce<Tx>>,
  options: ExactlyOnceRunnerOptions<NoInfer<Tx>>,
): ProjectionRunner<"exactly-once">;
export function createProjectionRunner(
  projection: Projection<Delivery>,
  options: UntypedRunnerOptions,
): ProjectionRunner {
  assertRunnable(projection, options);
  const settings = runnerSettings(options);
  return new Runner(projection, ledgerFor(projection, options, { index: 0, count: 1 }), settings);
}
