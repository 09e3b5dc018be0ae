import { InvalidPositionError, type Position, START } from "@es/core";

/** A place in the server's log. Only compared, never calculated with. */
export interface LogPosition {
  readonly commit: bigint;
  readonly prepare: bigint;
}

const DIGITS = 20;
const FORM = /^(\d{20})\.(\d{20})$/;
const LARGEST = 0xff_ff_ff_ff_ff_ff_ff_ffn;

/** The position of an event: both numbers with 20 digits, so that text sorts as they do. */
export function toPosition({ commit, prepare }: LogPosition): Position {
  const first = String(commit).padStart(DIGITS, "0");
  // They differ only in what was written by the protocol of old.
  return commit === prepare ? `${first}.${first}` : `${first}.${String(prepare).padStart(DIGITS, "0")}`;
}

/** Whether a place lies behind another one; what is undefined is the start. */
export function isBehind(place: LogPosition, other: LogPosition | undefined): boolean {
  if (other === undefined) return true;
  return place.commit === other.commit ? place.prepare > other.prepare : place.commit > other.commit;
}

/** Whether who is at a place has been at the goal; where there is none, there is nothing to get to. */
export function isPassed(goal: LogPosition | undefined, place: LogPosition | undefined): boolean {
  return goal === undefined || (place !== undefined && !isBehind(goal, place));
}

/**
 * The place in the log; `undefined` for the start.
 * @throws InvalidPositionError when it is not a position of a KurrentDB store
 */
export function parsePosition(position: Position): LogPosition | undefined {
  if (position === START) return undefined;
  const [, commit = "", prepare = ""] = (typeof position === "string" ? FORM.exec(position) : null) ?? [];
  if (commit === "" || BigInt(commit) > LARGEST || BigInt(prepare) > LARGEST) {
    throw new InvalidPositionError(position, "is not a position of this store; use one that the store returned");
  }
  return { commit: BigInt(commit), prepare: BigInt(prepare) };
}

/** Whether the server has said where the event is. Servers before 22.6 do not say it when a stream is read. */
export function isKnown({ commit, prepare }: LogPosition): boolean {
  return commit !== LARGEST && prepare !== LARGEST;
}
