import { InvalidPositionError } from "../errors/store-errors.ts";
import { type Position, START } from "../store/position.ts";

const DIGITS = 16;
const FORM = /^\d{16}$/;

/** Position of a store that counts 1, 2, 3, ...: 16 digits, so that text sorts as numbers do. 0 is `START`. */
export function formatPosition(sequence: number): Position {
  return sequence === 0 ? START : String(sequence).padStart(DIGITS, "0");
}

/**
 * The number in a position; 0 for `START`.
 * @throws InvalidPositionError when `position` was not made by {@link formatPosition}
 */
export function parsePosition(position: Position): number {
  if (position === START) return 0;
  if (typeof position !== "string" || !FORM.test(position)) {
    throw new InvalidPositionError(position, "is not a position of this store; use one that the store returned");
  }
  const sequence = Number(position);
  if (sequence === 0 || !Number.isSafeInteger(sequence)) {
    throw new InvalidPositionError(position, "is not a position of this store; no event can have it");
  }
  return sequence;
}
