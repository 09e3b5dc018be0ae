import { type Position, type Registers, START } from "@es/core";
import { type Checkpoint, parseObject } from "./checkpoint.ts";

/** How far events were handled before a reset, so that their side effects are not repeated. */
export interface ReplayMark {
  /** The identity of the store that was read. */
  readonly store: string;
  /** Everything up to here was handled. */
  readonly position: Position;
}

/** What the calls of registers have in common. */
interface Call {
  readonly signal?: AbortSignal;
  readonly tx?: unknown;
}

/** The register of the mark. */
export function replayMarkKey(projection: string): string {
  return `replayed:${projection}`;
}

/** The mark of a projection, if it was ever reset. */
export async function readReplayMark(
  registers: Registers<unknown>,
  projection: string,
  call: Call = {},
): Promise<ReplayMark | undefined> {
  const register = await registers.get(replayMarkKey(projection), call);
  const { store, position } = (register === undefined ? undefined : parseObject(register.value)) ?? {};
  return typeof store === "string" && typeof position === "string" ? { store, position } : undefined;
}

/**
 * Remembers how far the partitions of a projection have come, and no less than what was remembered before. Where they differ, what
 * only some of them have handled counts as new: a side effect may then come twice, but none is lost.
 *
 * @param count - how many partitions there are; one without a checkpoint has handled nothing
 */
export async function writeReplayMark(
  registers: Registers<unknown>,
  projection: string,
  checkpoints: readonly Checkpoint[],
  count: number,
  call: Call,
): Promise<void> {
  const store = checkpoints[0]?.store;
  const reached = checkpoints.length < count ? START : checkpoints.map(({ position }) => position).toSorted()[0];
  if (store === undefined || reached === undefined || checkpoints.some((other) => other.store !== store)) return;
  const known = await readReplayMark(registers, projection, call);
  const position = known?.store === store && known.position > reached ? known.position : reached;
  await registers.set(replayMarkKey(projection), JSON.stringify({ format: 1, store, position }), call);
}
