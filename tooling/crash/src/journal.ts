import { closeSync, existsSync, openSync, readFileSync, writeSync } from "node:fs";

/** Events that a writer is about to append to one stream. */
export interface IntendedWrite {
  readonly streamId: string;
  readonly expected: number | "any";
  readonly ids: readonly string[];
}

/** A line that is written before an append begins. */
export interface Intent {
  readonly kind: "intent";
  /** Unique in the journal. */
  readonly op: string;
  /** Appends of one lane follow one another. */
  readonly lane: number;
  readonly writes: readonly IntendedWrite[];
  /** The append is refused when an event with this tag stands behind `after`. Its own events carry the tag. */
  readonly condition?: { readonly tag: string; readonly after: string };
}

/** A line that is written as soon as the append was answered. */
export type Outcome =
  | {
      readonly kind: "acknowledged";
      readonly op: string;
      readonly versions: readonly number[];
      readonly position: string;
      readonly duplicate: boolean;
      /** Whether it answered the repetition of an append that a kill had interrupted. */
      readonly isRetry: boolean;
    }
  | { readonly kind: "refused"; readonly op: string; readonly code: string };

/** What one writer meant to append and what it was told, in the order of its lines. */
export type Journal = readonly (Intent | Outcome)[];

/** A page that a live reader has seen. */
export interface SeenPage {
  readonly ids: readonly string[];
  readonly next: string;
}

/** Appends lines to a file, each by one write to the system: what is written survives the kill of this process. */
export class LineWriter<Line> implements Disposable {
  readonly #fd: number;

  constructor(path: string) {
    this.#fd = openSync(path, "a");
  }

  write(line: Line): void {
    writeSync(this.#fd, `${JSON.stringify(line)}\n`);
  }

  [Symbol.dispose](): void {
    closeSync(this.#fd);
  }
}

/** The lines of a file, without one that a kill cut off. */
export function readLines<Line>(path: string): Line[] {
  if (!existsSync(path)) return [];
  const text = readFileSync(path, "utf8");
  return text
    .slice(0, text.lastIndexOf("\n") + 1)
    .split("\n")
    .filter((line) => line !== "")
    .map((line): Line => JSON.parse(line));
}

/** The intents of a journal that have no outcome. */
export function unsettled(journal: Journal): Intent[] {
  const settled = new Set(journal.filter(({ kind }) => kind !== "intent").map(({ op }) => op));
  return journal.filter((line) => line.kind === "intent").filter(({ op }) => !settled.has(op));
}
