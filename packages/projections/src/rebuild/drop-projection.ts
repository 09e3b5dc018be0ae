import { ConfigurationError, type Registers } from "@es/core";
import { replayMarkKey } from "../checkpoint/replay-mark.ts";
import { assertProjectionName } from "../definition/projection-name.ts";
import type { CheckpointedSink } from "../sinks/sink.ts";
import { readModelsOf } from "./live-projection.ts";
import { assertPlace, type CheckpointPlace, deleteCheckpoints } from "./reset-projection.ts";

/** Options of {@link dropProjection} with a sink. */
export interface DropOptions<Tx> {
  /** Removes the read model, in the transaction that deletes the checkpoint. */
  readonly remove?: (tx: Tx) => void | Promise<void>;
  /** Aborts the call. */
  readonly signal?: AbortSignal;
}

interface UntypedOptions {
  readonly remove?: (tx: unknown) => void | Promise<void>;
  readonly signal?: AbortSignal;
}

/**
 * Forgets a version of a projection that is not needed any more: one that was replaced, or a rebuild that was given up. Stop its
 * runners first. With a sink, `remove` removes its read model in the same transaction.
 *
 * @param place - the sink, or the registers that the checkpoint is kept in
 * @returns whether it had a checkpoint
 * @throws ConfigurationError when it is what readers see
 */
export async function dropProjection<Tx>(
  place: CheckpointedSink<Tx>,
  projection: string,
  options?: DropOptions<Tx>,
): Promise<boolean>;
/** As above, for a read model that is not written in transactions. */
export async function dropProjection(
  place: Registers<unknown>,
  projection: string,
  options?: { readonly signal?: AbortSignal },
): Promise<boolean>;
export async function dropProjection(
  place: CheckpointPlace,
  projection: string,
  { remove, signal }: UntypedOptions = {},
): Promise<boolean> {
  assertProjectionName(projection);
  assertPlace(place);
  const call = signal === undefined ? {} : { signal };
  const registers = "transaction" in place ? place.registers : place;
  const [readModel] = await readModelsOf(registers, projection, call);
  if (readModel !== undefined) {
    throw new ConfigurationError(
      `projection ${JSON.stringify(projection)} is what readers of ${JSON.stringify(readModel)} see; rebuild another version first`,
    );
  }
  const options = { ...call, ...(remove === undefined ? {} : { clear: remove }) };
  return deleteCheckpoints(place, projection, options, async (own, _deleted, joined) => {
    await own.delete(replayMarkKey(projection), joined);
  });
}
