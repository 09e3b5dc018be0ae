import { ConfigurationError, type EventStore, type Position } from "@es/core";
import type { Delivery } from "../definition/delivery.ts";
import type { Projection } from "../definition/projection.ts";
import { ProjectionReplacedError } from "../errors/errors.ts";
import { resolveStart } from "../runner/start-position.ts";
import type { Checkpoint } from "./checkpoint.ts";
import type { Ledger } from "./ledger.ts";
import { verifyCheckpoint } from "./verify-checkpoint.ts";

/** Who opens a checkpoint. */
interface Opener {
  readonly store: EventStore<unknown>;
  /** The runner. */
  readonly runner: string;
  /** The read model that is being rebuilt, when this is a rebuild. */
  readonly shadowOf: string | undefined;
  readonly signal: AbortSignal;
}

/**
 * The checkpoint to go on from, verified and claimed: it is written again in the name of this runner, so that another one of
 * the same name can store nothing any more.
 *
 * @throws ProjectionReplacedError, CheckpointMismatchError, CheckpointUnreadableError
 */
export async function openCheckpoint(
  projection: Projection<Delivery>,
  ledger: Ledger,
  { store, runner, shadowOf, signal }: Opener,
): Promise<Checkpoint> {
  const stored = await ledger.load(signal);
  if (stored !== undefined) {
    assertRole(projection.name, stored, shadowOf);
    await verifyCheckpoint(projection.name, stored, store, signal);
  }
  const checkpoint: Checkpoint =
    stored === undefined
      ? { ...(await newCheckpoint(projection, ledger, store, signal)), runner }
      : { ...stored, runner };
  const context = { projection: projection.name, signal, attempt: 1, isCatchingUp: true, isReplay: false };
  await ledger.commit({ events: [], checkpoint, context });
  return checkpoint;
}

async function newCheckpoint(
  projection: Projection<Delivery>,
  ledger: Ledger,
  store: EventStore<unknown>,
  signal: AbortSignal,
): Promise<Omit<Checkpoint, "runner">> {
  const identity = await store.identity({ signal });
  const mark = await ledger.replayMark(signal);
  return {
    store: identity,
    position:
      projection.from === "now"
        ? await ledger.startNow(store, signal)
        : await resolveStart(store, projection.from, signal),
    last: undefined,
    events: 0,
    parked: [],
    ...(mark === undefined || mark.store !== identity ? {} : await replayOf(mark.position, store, signal)),
  };
}

/** A store that was restored since the reset has not handled what comes now at positions that were used before. */
async function replayOf(
  position: Position,
  store: EventStore<unknown>,
  signal: AbortSignal,
): Promise<{ readonly replayTo?: Position }> {
  return position > (await store.head({ signal })) ? {} : { replayTo: position };
}

function assertRole(projection: string, stored: Checkpoint, shadowOf: string | undefined): void {
  if (stored.replacedBy !== undefined) throw new ProjectionReplacedError(projection, stored.replacedBy);
  if (stored.shadowOf === shadowOf) return;
  throw new ConfigurationError(
    stored.shadowOf === undefined
      ? `projection ${JSON.stringify(projection)} is not being rebuilt`
      : `projection ${JSON.stringify(projection)} is being rebuilt for read model ${JSON.stringify(stored.shadowOf)}; call ` +
          "rebuildProjection() until it has taken its place, or drop it with dropProjection()",
  );
}
