import type { Registers } from "@es/core";
import { checkpointKey, parseCheckpoint } from "../checkpoint/checkpoint.ts";
import { assertIs, someRegisters } from "../definition/member-rules.ts";
import { assertProjectionName } from "../definition/projection-name.ts";
import { isCheckpointOf } from "../sharing/partition.ts";
import type { ParkedList, ParkedStream } from "./parked.ts";

/**
 * The streams that a projection holds back, read without its runner: for a console or a health check.
 *
 * @param registers - those that the checkpoint is kept in: of the store, or of the sink
 * @throws CheckpointUnreadableError when the checkpoint cannot be read
 */
export async function listParked(
  registers: Registers<unknown>,
  projection: string,
  options: { readonly signal?: AbortSignal } = {},
): Promise<ParkedList> {
  assertProjectionName(projection);
  assertIs("where the checkpoint is kept", registers, someRegisters);
  const parked: ParkedStream[] = [];
  for await (const key of registers.keys(checkpointKey(projection), options)) {
    if (!isCheckpointOf(projection, key)) continue;
    const register = await registers.get(key, options);
    if (register !== undefined) parked.push(...parseCheckpoint(key, register.value).parked);
  }
  return parked;
}
