import type { Register } from "@es/core";
import type { SqliteDatabase, SqliteEventStore } from "@es/store-sqlite";
import * as z from "zod";
import { Failure } from "./failure.ts";
import type { Git } from "./git.ts";

const KEY = "git-import";

const progressSchema = z.object({
  /** Everything that this commit reaches is imported. */
  base: z.string().nullable(),
  /** The head whose import has begun; git lists what it adds to `base` in the same order each time. */
  target: z.string().nullable(),
  /** How many commits of that list are imported. */
  done: z.number(),
  /** The last of them. */
  last: z.string().nullable(),
  /** Commits and file changes imported in all. */
  commits: z.number(),
  changes: z.number(),
});

/** How far the import is. Written in the transaction of the events that it speaks of. */
export type Progress = z.output<typeof progressSchema>;

/** Progress, and the revision of its register, by which another import is noticed. */
export interface StoredProgress {
  readonly progress: Progress;
  readonly revision: number;
}

/** Where an earlier run stopped. */
export async function loadProgress(store: SqliteEventStore): Promise<StoredProgress> {
  const register: Register | undefined = await store.registers.get(KEY);
  if (register === undefined) {
    return { progress: { base: null, target: null, done: 0, last: null, commits: 0, changes: 0 }, revision: 0 };
  }
  return { progress: progressSchema.parse(JSON.parse(register.value)), revision: register.revision };
}

/** Whether an import was ever written to a store. */
export async function hasImport(store: SqliteEventStore): Promise<boolean> {
  return (await store.registers.get(KEY)) !== undefined;
}

/** @throws Failure when another process has imported meanwhile; the transaction must then be rolled back */
export async function saveProgress(
  store: SqliteEventStore,
  tx: SqliteDatabase,
  progress: Progress,
  revision: number,
): Promise<StoredProgress> {
  const written = await store.registers.set(KEY, JSON.stringify(progress), { expected: revision, tx });
  if (written === undefined) throw new Failure("another import into the same database is running; wait for it to end");
  return { progress, revision: written };
}

/**
 * Refuses to add to a history that was rewritten.
 * @throws Failure when a commit that was imported is not part of the history of `head`
 */
export function assertSameHistory(git: Git, progress: Progress, head: string): void {
  for (const commit of [progress.base, progress.target]) {
    if (commit === null || git.succeeds("merge-base", "--is-ancestor", commit, head)) continue;
    throw new Failure(
      `the history was rewritten, or this is another branch or repository: commit ${commit}, which was imported before, is not part of it. ` +
        "Import again from the start with --fresh",
    );
  }
}

/** What git must list for the commits between. */
export function rangeOf(progress: Progress, target: string): string {
  return progress.base === null ? target : `${progress.base}..${target}`;
}
