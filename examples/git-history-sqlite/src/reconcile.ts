import { createInterface } from "node:readline";
import { Readable } from "node:stream";
import type { Git } from "./git.ts";
import { LOG_ARGS } from "./git-log.ts";

/** What both sides count. A commit counts when it changed a file. */
export interface Totals {
  readonly commits: number;
  readonly changes: number;
  readonly added: number;
  readonly removed: number;
}

/** Counts with git alone: no parser, event or read model of this program takes part. */
export async function countWithGit(git: Git, head: string): Promise<Totals> {
  let commits = 0;
  let isNewCommit = false;
  let changes = 0;
  let added = 0;
  let removed = 0;
  const output = Readable.from(git.stream(...LOG_ARGS, "--format=%x01", head, "--"), { objectMode: false });
  for await (const line of createInterface({ input: output, crlfDelay: Number.POSITIVE_INFINITY })) {
    const numbers = /^(\d+|-)\t(\d+|-)\t/.exec(line);
    if (numbers === null) {
      if (line === "\u0001") isNewCommit = true;
      continue;
    }
    if (isNewCommit) commits += 1;
    isNewCommit = false;
    changes += 1;
    added += numbers[1] === "-" ? 0 : Number(numbers[1]);
    removed += numbers[2] === "-" ? 0 : Number(numbers[2]);
  }
  return { commits, changes, added, removed };
}

/** One line for each number; `isEqual` is false when any differs. */
export function compareTotals(
  events: Totals,
  git: Totals,
): { readonly isEqual: boolean; readonly lines: readonly string[] } {
  const names = ["commits", "changes", "added", "removed"] as const;
  const lines = names.map((name) => {
    const sign = events[name] === git[name] ? "=" : "≠";
    return `  ${name.padEnd(8)} ${events[name].toLocaleString("en")} ${sign} ${git[name].toLocaleString("en")}`;
  });
  return { isEqual: names.every((name) => events[name] === git[name]), lines };
}
