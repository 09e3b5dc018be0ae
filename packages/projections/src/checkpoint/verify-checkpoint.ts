import { type EventStore, START } from "@es/core";
import { CheckpointMismatchError } from "../errors/errors.ts";
import type { Checkpoint } from "./checkpoint.ts";

const REPAIR =
  "restore store and read model from backups of the same moment, or empty the read model, call resetProjection() and start again";

/**
 * Makes sure that a checkpoint speaks of this store and of its present history.
 * @throws CheckpointMismatchError naming what does not fit, and the repair
 */
export async function verifyCheckpoint(
  projection: string,
  checkpoint: Checkpoint,
  store: EventStore<unknown>,
  signal: AbortSignal,
): Promise<void> {
  const identity = await store.identity({ signal });
  if (checkpoint.store !== identity) {
    throw new CheckpointMismatchError(
      projection,
      "foreign-store",
      `was written for the store ${checkpoint.store}, this is the store ${identity}; open the right one, or ${REPAIR}`,
    );
  }
  if (checkpoint.position === START) return;
  const head = await store.head({ signal });
  if (checkpoint.position > head) {
    throw new CheckpointMismatchError(
      projection,
      "ahead",
      `is at ${checkpoint.position}, ahead of the store's head at ${head === START ? "the start" : head}: the store lost events, or was restored; ${REPAIR}`,
    );
  }
  const { last } = checkpoint;
  if (last === undefined) return;
  let stored: string | undefined;
  for await (const page of store.readStream(last.streamId, { from: last.version, to: last.version, signal })) {
    stored = page[0]?.id ?? stored;
  }
  if (stored === last.id) return;
  throw new CheckpointMismatchError(
    projection,
    "other-history",
    `knows event ${last.id} as version ${last.version} of stream ${JSON.stringify(last.streamId)}, the store has ` +
      `${stored ?? "none"} there: it was restored and written to since; ${REPAIR}`,
  );
}
