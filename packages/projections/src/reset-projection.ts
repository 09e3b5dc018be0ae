import type { Registers } from "@es/core";
import { checkpointKey } from "./checkpoint.ts";
import { isCheckpointOf } from "./partition.ts";
import { assertProjectionName } from "./projection-name.ts";

/**
 * Deletes the checkpoint of a projection, of all its partitions, so that it starts anew. Stop its runners and empty its read model first; otherwise
 * every event takes effect a second time.
 *
 * @param registers - those that the checkpoint is kept in: of the store, or of the sink
 * @returns whether there was one
 */
export async function resetProjection(
  registers: Registers<unknown>,
  projection: string,
  options: { readonly signal?: AbortSignal } = {},
): Promise<boolean> {
  assertProjectionName(projection);
  let wasThere = false;
  for await (const key of registers.keys(checkpointKey(projection), options)) {
    if (isCheckpointOf(projection, key) && (await registers.delete(key, options))) wasThere = true;
  }
  return wasThere;
}
