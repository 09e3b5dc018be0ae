import type { Registers } from "@es/core";
import { type Checkpoint, checkpointKey, parseCheckpoint } from "../checkpoint/checkpoint.ts";
import { writeReplayMark } from "../checkpoint/replay-mark.ts";
import { aFunction, aSink, assertIs, someRegisters } from "../definition/member-rules.ts";
import { assertProjectionName } from "../definition/projection-name.ts";
import { CheckpointUnreadableError } from "../errors/errors.ts";
import { countOf, isCheckpointOf } from "../sharing/partition.ts";
import { sharedStartKey } from "../sharing/shared-start.ts";
import type { CheckpointedSink } from "../sinks/sink.ts";

/** Options of {@link resetProjection} with a sink. */
export interface ResetOptions<Tx> {
  /** Empties the read model, in the transaction that deletes the checkpoint. */
  readonly clear?: (tx: Tx) => void | Promise<void>;
  /** Aborts the call. */
  readonly signal?: AbortSignal;
}

interface UntypedOptions {
  readonly clear?: (tx: unknown) => void | Promise<void>;
  readonly signal?: AbortSignal;
}

/** Where checkpoints are kept, with transactions or without. */
export type CheckpointPlace = Registers<unknown> | CheckpointedSink<unknown>;

/**
 * Deletes the checkpoint of a projection, of all its partitions, so that it starts anew. Stop its runners first. Its handlers then get
 * `context.isReplay` for the events that were handled before, those that were held back included.
 *
 * With a sink, `clear` empties the read model in the same transaction. With registers, empty it first; otherwise every event takes
 * effect a second time.
 *
 * @param place - the sink, or the registers that the checkpoint is kept in
 * @returns whether there was one
 */
export async function resetProjection<Tx>(
  place: CheckpointedSink<Tx>,
  projection: string,
  options?: ResetOptions<Tx>,
): Promise<boolean>;
/** As above, for a read model that was emptied before. */
export async function resetProjection(
  place: Registers<unknown>,
  projection: string,
  options?: { readonly signal?: AbortSignal },
): Promise<boolean>;
export async function resetProjection(
  place: CheckpointPlace,
  projection: string,
  options: UntypedOptions = {},
): Promise<boolean> {
  return deleteCheckpoints(place, projection, options, async (registers, { checkpoints, count }, call) => {
    await writeReplayMark(registers, projection, checkpoints, count, call);
  });
}

/** @throws ConfigurationError when it is neither a sink nor registers */
export function assertPlace(place: CheckpointPlace): void {
  if (aSink.is(place)) return;
  assertIs("where the checkpoint is kept", place, someRegisters);
}

/** Deletes the checkpoints of a projection, in one transaction where there are any. `before` is told what they said, and of how many. */
export async function deleteCheckpoints(
  place: CheckpointPlace,
  projection: string,
  { clear, signal }: UntypedOptions,
  before: (
    registers: Registers<unknown>,
    deleted: { readonly checkpoints: readonly Checkpoint[]; readonly count: number },
    call: { readonly tx?: unknown; readonly signal?: AbortSignal },
  ) => Promise<void>,
): Promise<boolean> {
  assertProjectionName(projection);
  assertPlace(place);
  assertIs("what empties the read model", clear ?? (() => undefined), aFunction);
  const call = signal === undefined ? {} : { signal };
  const registers = "transaction" in place ? place.registers : place;
  const keys: string[] = [];
  for await (const key of registers.keys(checkpointKey(projection), call)) {
    if (isCheckpointOf(projection, key)) keys.push(key);
  }
  const work = async (tx: unknown): Promise<boolean> => {
    const joined = tx === undefined ? call : { ...call, tx };
    const checkpoints: Checkpoint[] = [];
    for (const key of keys) {
      const register = await registers.get(key, joined);
      const checkpoint = register === undefined ? undefined : readable(key, register.value);
      if (checkpoint !== undefined) checkpoints.push(checkpoint);
    }
    await clear?.(tx);
    await before(registers, { checkpoints, count: Math.max(1, ...keys.map(countOf)) }, joined);
    await registers.delete(sharedStartKey(projection), joined);
    let wasThere = false;
    for (const key of keys) if (await registers.delete(key, joined)) wasThere = true;
    return wasThere;
  };
  return "transaction" in place ? place.transaction(work, call) : work(undefined);
}

/** A checkpoint that cannot be read is deleted all the same: that is what a reset is for. */
function readable(key: string, text: string): Checkpoint | undefined {
  try {
    return parseCheckpoint(key, text);
  } catch (error) {
    if (error instanceof CheckpointUnreadableError) return undefined;
    throw error;
  }
}
