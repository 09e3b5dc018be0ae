import { assertRunnable, ledgerFor, type UntypedRunnerOptions } from "../checkpoint/ledger-for.ts";
import type { Delivery, ExactlyOnce } from "../definition/delivery.ts";
import { aFunction, assertMembers, aText, required } from "../definition/member-rules.ts";
import type { Projection } from "../definition/projection.ts";
import { assertProjectionName } from "../definition/projection-name.ts";
import { runnerSettings } from "../runner/runner-options.ts";
import { assertPartitions, partitionsOf } from "../sharing/partition.ts";
import { Rebuild } from "./rebuild.ts";
import type { CommonRebuildOptions, ExactlyOnceRebuildOptions, RebuildOptions, Rebuilt } from "./rebuild-options.ts";
import { RebuildPlace } from "./rebuild-place.ts";

interface UntypedOptions extends CommonRebuildOptions, Omit<UntypedRunnerOptions, "onFailure"> {
  readonly prepare?: (tx: unknown) => void | Promise<void>;
  readonly activate?: (tx: unknown) => void | Promise<void>;
}

/**
 * Builds a new version of a projection beside the one that readers see, and then puts it in its place. Resolves when that is done, so
 * it can be called at every start: a projection that is live already is left alone. When it is interrupted, the next call goes on.
 *
 * The new version handles what the old one has handled, with `context.isReplay`. When it has come as far, the old one is stopped: its
 * runner ends with a `ProjectionReplacedError`. Then readers are switched in one step, and a runner of the new version goes on
 * exactly behind it. Old checkpoint and read model stay until `dropProjection`, and the same call with the old version goes back.
 *
 * @throws HandlerFailedError when a handler fails as often as it may; mend it and call again
 * @throws ConfigurationError when names or partitions do not fit
 * @throws AbortedError when the signal aborts; readers see the old version, or the new one
 */
export async function rebuildProjection(projection: Projection, options: RebuildOptions): Promise<Rebuilt>;
/** As above, for a projection whose effects are written in transactions: they also switch the readers. */
export async function rebuildProjection<Tx>(
  projection: Projection<ExactlyOnce<Tx>>,
  options: ExactlyOnceRebuildOptions<NoInfer<Tx>>,
): Promise<Rebuilt>;
export async function rebuildProjection(projection: Projection<Delivery>, options: UntypedOptions): Promise<Rebuilt> {
  assertRunnable(projection, options);
  assertMembers("the options of the rebuild", options, {
    readModel: required(aText),
    prepare: aFunction,
    activate: aFunction,
  });
  const { readModel, replaces, sink, store, checkpoints, signal, partitions = 1 } = options;
  assertPartitions({ partitions });
  assertProjectionName(readModel);
  if (replaces !== undefined) assertProjectionName(replaces);
  const isTransactional = projection.delivery.guarantee === "exactly-once";
  const usedSink = isTransactional ? sink : undefined;
  const rebuild = new Rebuild({
    projection,
    readModel,
    replaces,
    place: new RebuildPlace(usedSink?.registers ?? checkpoints ?? store.registers, usedSink),
    settings: runnerSettings(options),
    partitions: partitionsOf(partitions),
    newLedger: (partition) => ledgerFor(projection, options, partition),
    prepare: options.prepare ?? (() => undefined),
    activate: options.activate ?? (() => undefined),
    signal: signal ?? new AbortController().signal,
  });
  return rebuild.run();
}
