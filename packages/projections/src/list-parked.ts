import type { Registers } from "@es/core";
import { checkpointKey, parseCheckpoint } from "./checkpoint.ts";
import type { ParkedList } from "./parked.ts";
import { assertProjectionName } from "./projection-name.ts";

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
  const key = checkpointKey(projection);
  const register = await registers.get(key, options);
  return register === undefined ? [] : parseCheckpoint(key, register.value).parked;
}
