/** The middle of some figures and how far they lie apart. */
export interface Spread {
  readonly median: number;
  readonly min: number;
  readonly max: number;
}

/** @throws RangeError without figures */
export function spreadOf(figures: readonly number[]): Spread {
  const sorted = ascending(figures);
  return { median: middleOf(sorted), min: at(sorted, 0), max: at(sorted, sorted.length - 1) };
}

/** The mean of the two middle figures when their number is even. @throws RangeError without figures */
export function median(figures: readonly number[]): number {
  return middleOf(ascending(figures));
}

/**
 * The smallest figure that at least `percent` of all figures do not exceed (nearest rank, never interpolated).
 * @throws RangeError without figures
 */
export function percentile(figures: readonly number[], percent: number): number {
  const sorted = ascending(figures);
  return at(sorted, Math.max(Math.ceil((percent / 100) * sorted.length) - 1, 0));
}

function ascending(figures: readonly number[]): readonly number[] {
  return figures.toSorted((a, b) => a - b);
}

function middleOf(sorted: readonly number[]): number {
  const half = Math.floor(sorted.length / 2);
  return sorted.length % 2 === 1 ? at(sorted, half) : (at(sorted, half - 1) + at(sorted, half)) / 2;
}

function at(sorted: readonly number[], index: number): number {
  const figure = sorted[index];
  if (figure === undefined) throw new RangeError("statistics need at least one figure");
  return figure;
}
