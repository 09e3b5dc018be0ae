import { type EventQuery, type EventStore, type Position, type Registers, START } from "@es/core";
import { throwIfAborted } from "@es/core/adapter";
import { parseCheckpoint } from "../checkpoint/checkpoint.ts";
import { assertTimeLimit } from "../definition/member-rules.ts";
import { WaitTimeoutError } from "../errors/errors.ts";
import type { Clock } from "../runner/clock.ts";
import { assertPosition, NOT_IN_THE_STORE, type WaitOptions } from "../runner/waiters.ts";
import { partitionKey, partitionOf } from "./partition.ts";

const DEFAULT_TIMEOUT_MS = 10_000;
const FIRST_POLL_MS = 10;

/** What a wait needs of its shared runner. */
export interface SharedWaitParts {
  readonly projection: string;
  readonly count: number;
  readonly store: EventStore<unknown>;
  readonly filter: EventQuery | undefined;
  /** Those that the checkpoints are kept in. */
  readonly registers: Registers<unknown>;
  readonly clock: Clock;
  readonly pollMs: number;
  /** How far this process has come in a partition, if it runs it. */
  readonly reachedHere: (partition: number) => Position | undefined;
  /** @throws what the shared runner ended with */
  readonly assertRunning: () => void;
}

/** A partition that may not be done. */
interface Lagging {
  readonly partition: number;
  readonly position: Position;
}

/**
 * Resolves when all partitions have handled what lies up to a position, whichever process runs them.
 * @throws WaitTimeoutError, AbortedError
 */
export async function waitForPartitions(
  parts: SharedWaitParts,
  position: Position,
  { timeoutMs = DEFAULT_TIMEOUT_MS, signal }: WaitOptions = {},
): Promise<void> {
  assertPosition(position);
  assertTimeLimit(timeoutMs);
  if (position === START) return;
  const { clock, pollMs, projection } = parts;
  const deadline = clock.monotonic() + timeoutMs;
  for (let waitMs = Math.min(FIRST_POLL_MS, pollMs); ; waitMs = Math.min(waitMs * 2, pollMs)) {
    throwIfAborted(signal);
    parts.assertRunning();
    const lagging = await laggingBehind(parts, position, signal);
    if (lagging !== undefined && (lagging.length === 0 || (await haveNothing(parts, lagging, position, signal))))
      return;
    const left = deadline - clock.monotonic();
    if (left <= 0) {
      throw new WaitTimeoutError(
        `projection ${JSON.stringify(projection)} reaching position ${position} in all partitions did not happen within ${timeoutMs} ms${await whyLate(parts, position)}`,
      );
    }
    await clock.delay(Math.min(waitMs, left), signal);
  }
}

async function whyLate({ store }: SharedWaitParts, position: Position): Promise<string> {
  const head = await store.head().catch(() => undefined);
  return head !== undefined && head < position ? `: ${NOT_IN_THE_STORE}` : "";
}

/** The partitions that have not stored to have come so far; `undefined` when one has not even begun. */
async function laggingBehind(
  { projection, count, registers, reachedHere }: SharedWaitParts,
  goal: Position,
  signal: AbortSignal | undefined,
): Promise<readonly Lagging[] | undefined> {
  const lagging: Lagging[] = [];
  for (let partition = 0; partition < count; partition += 1) {
    const here = reachedHere(partition);
    if (here !== undefined && here >= goal) continue;
    const key = partitionKey(projection, { index: partition, count });
    const register = await registers.get(key, signal === undefined ? {} : { signal });
    if (register === undefined) return undefined;
    const { position } = parseCheckpoint(key, register.value);
    if (position < goal) lagging.push({ partition, position });
  }
  return lagging;
}

/** A partition stores its checkpoint with its events, so it may be done although it has not stored that it passed those of others. */
async function haveNothing(
  { store, filter, count }: SharedWaitParts,
  lagging: readonly Lagging[],
  goal: Position,
  signal: AbortSignal | undefined,
): Promise<boolean> {
  const behind = new Map(lagging.map(({ partition, position }) => [partition, position]));
  const after = lagging.map(({ position }) => position).toSorted()[0] ?? goal;
  const call = { ...(signal === undefined ? {} : { signal }), ...(filter === undefined ? {} : { filter }) };
  for await (const page of store.readAll({ ...call, after })) {
    for (const { position, streamId } of page.events) {
      if (position > goal) return true;
      const from = behind.get(partitionOf(streamId, count));
      if (from !== undefined && position > from) return false;
    }
    if (page.next >= goal) return true;
  }
  // Nothing is stored at that position yet.
  return false;
}
