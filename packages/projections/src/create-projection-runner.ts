import { ConfigurationError, type Registers } from "@es/core";
import { atLeastOnceLedger } from "./at-least-once-ledger.ts";
import type { Delivery, ExactlyOnce } from "./delivery.ts";
import type { Ledger } from "./ledger.ts";
import type { Projection } from "./projection.ts";
import type { ProjectionRunner } from "./projection-runner.ts";
import { Runner } from "./runner.ts";
import {
  type CommonRunnerOptions,
  type ExactlyOnceRunnerOptions,
  type RunnerOptions,
  runnerSettings,
} from "./runner-options.ts";
import type { CheckpointedSink } from "./sink.ts";
import { transactionalLedger } from "./transactional-ledger.ts";

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
  options: ExactlyOnceRunnerOptions<Tx>,
): ProjectionRunner<"exactly-once">;
export function createProjectionRunner(projection: Projection<Delivery>, options: UntypedOptions): ProjectionRunner {
  const settings = runnerSettings(options);
  return new Runner(projection, ledgerFor(projection, options), settings);
}

interface UntypedOptions extends CommonRunnerOptions {
  readonly checkpoints?: Registers<unknown>;
  readonly sink?: CheckpointedSink<unknown>;
}

function ledgerFor(projection: Projection<Delivery>, { store, checkpoints, sink }: UntypedOptions): Ledger {
  if (projection.delivery.guarantee === "at-least-once") {
    return atLeastOnceLedger(projection, checkpoints ?? store.registers);
  }
  if (sink === undefined) {
    throw new ConfigurationError(
      `projection ${JSON.stringify(projection.name)} is delivered exactly once and needs a "sink": the store itself when it has transactions, or another database`,
    );
  }
  return transactionalLedger(projection, sink);
}
