import { ConfigurationError, type Registers } from "@es/core";
import type { Delivery } from "../definition/delivery.ts";
import {
  aFunction,
  anObject,
  aSink,
  aStore,
  assertIs,
  assertMembers,
  aText,
  required,
  someRegisters,
} from "../definition/member-rules.ts";
import type { Projection } from "../definition/projection.ts";
import type { CommonRunnerOptions } from "../runner/runner-options.ts";
import type { Partition } from "../sharing/partition.ts";
import type { CheckpointedSink } from "../sinks/sink.ts";
import { atLeastOnceLedger } from "./at-least-once-ledger.ts";
import { CheckpointRegister } from "./checkpoint-register.ts";
import type { Ledger } from "./ledger.ts";
import { transactionalLedger } from "./transactional-ledger.ts";

/** The options of a runner as the engine sees them: that they fit the projection was checked where the runner was created. */
export interface UntypedRunnerOptions extends CommonRunnerOptions {
  readonly checkpoints?: Registers<unknown>;
  readonly checkpointIntervalMs?: number;
  readonly sink?: CheckpointedSink<unknown>;
}

/**
 * Looks at what a runner is to run, and with what.
 * @throws ConfigurationError naming what is wrong
 */
export function assertRunnable(projection: Projection<Delivery>, options: UntypedRunnerOptions): void {
  assertMembers("the projection", projection, {
    name: required(aText),
    delivery: required(anObject),
    apply: required(aFunction),
  });
  const { name, delivery } = projection;
  assertMembers(`the options of projection ${JSON.stringify(name)}`, options, {
    store: required(aStore),
    checkpoints: someRegisters,
  });
  if (delivery.guarantee === "at-least-once") return;
  assertSink(projection, options.sink);
  assertIs(`the sink of projection ${JSON.stringify(name)}, which is delivered exactly once,`, options.sink, aSink);
}

/** The registers that the checkpoints of a projection are kept in. */
export function checkpointRegisters(
  { delivery }: Projection<Delivery>,
  { store, checkpoints, sink }: UntypedRunnerOptions,
): Registers<unknown> {
  return (delivery.guarantee === "exactly-once" ? sink?.registers : checkpoints) ?? store.registers;
}

/** @throws ConfigurationError when the projection needs a sink and there is none */
export function ledgerFor(
  projection: Projection<Delivery>,
  options: UntypedRunnerOptions,
  partition: Partition,
): Ledger {
  const { name, delivery } = projection;
  const { sink } = options;
  if (delivery.guarantee === "at-least-once") {
    return atLeastOnceLedger(
      projection,
      new CheckpointRegister(checkpointRegisters(projection, options), name, partition),
    );
  }
  assertSink(projection, sink);
  return transactionalLedger(projection, sink, new CheckpointRegister(sink.registers, name, partition));
}

function assertSink(
  { name }: Projection<Delivery>,
  sink: CheckpointedSink<unknown> | undefined,
): asserts sink is CheckpointedSink<unknown> {
  if (sink !== undefined) return;
  throw new ConfigurationError(
    `projection ${JSON.stringify(name)} is delivered exactly once and needs a "sink": the store itself when it has transactions, or another database`,
  );
}
