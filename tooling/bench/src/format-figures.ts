import type { Spread } from "./statistics.ts";

/** `0.93 (0.90..0.97)` */
export function ratioText({ median, min, max }: Spread): string {
  return `${twoDigits(median)} (${twoDigits(min)}..${twoDigits(max)})`;
}

/** Thousands separated, no pretended precision. */
export function countText(figure: number): string {
  return Number(figure.toPrecision(3)).toLocaleString("en", { maximumFractionDigits: 2 });
}

/** Milliseconds, to three digits. */
export function millisecondsText(figure: number): string {
  return figure.toPrecision(3);
}

/** `met` or `NOT met`. */
export function verdictText(isMet: boolean): string {
  return isMet ? "met" : "NOT met";
}

/** A target as a ratio. */
export function ratioTargetText(target: number): string {
  return `≥ ${twoDigits(target)}`;
}

function twoDigits(figure: number): string {
  return figure >= 0.1 ? figure.toFixed(2) : figure.toPrecision(2);
}
