import type { EventStore } from "@es/core";
import type { Checkpoint } from "./checkpoint.ts";
import type { Delivery } from "./delivery.ts";
import type { Ledger } from "./ledger.ts";
import type { Projection } from "./projection.ts";
import { resolveStart } from "./start-position.ts";
import { verifyCheckpoint } from "./verify-checkpoint.ts";

/**
 * The checkpoint to go on from, verified and claimed: it is written again in the name of this runner, so that another one of
 * the same name can store nothing any more.
 */
export async function openCheckpoint(
  projection: Projection<Delivery>,
  ledger: Ledger,
  store: EventStore<unknown>,
  runner: string,
  signal: AbortSignal,
): Promise<Checkpoint> {
  const stored = await ledger.load(signal);
  if (stored !== undefined) await verifyCheckpoint(projection.name, stored, store, signal);
  const checkpoint: Checkpoint =
    stored === undefined
      ? {
          store: await store.identity({ signal }),
          position: await resolveStart(store, projection.from, signal),
          last: undefined,
          events: 0,
          parked: [],
          runner,
        }
      : { ...stored, runner };
  const context = { projection: projection.name, signal, attempt: 1, isCatchingUp: true };
  await ledger.commit({ events: [], checkpoint, context });
  return checkpoint;
}
