import { InvalidPositionError, type Position } from "@es/core";

const FORM = /^(\d{16})\.(\d{4})$/;

/** The position of an event: the sequence of its commit in JetStream, and its index in the commit. */
export function formatPosition(sequence: number, index: number): Position {
  return `${String(sequence).padStart(16, "0")}.${String(index).padStart(4, "0")}`;
}

/**
 * The sequence in a position; 0 for `START`.
 * @throws InvalidPositionError when it was not made by {@link formatPosition}
 */
export function sequenceOf(position: Position): number {
  if (position === "") return 0;
  const match = typeof position === "string" ? FORM.exec(position) : null;
  const sequence = Number(match?.[1]);
  if (match === null || match[0] !== position || sequence === 0 || !Number.isSafeInteger(sequence)) {
    throw new InvalidPositionError(position, "is not a position of this store; use one that the store returned");
  }
  return sequence;
}
