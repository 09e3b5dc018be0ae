import { createRepository, everyNEvents, type PreparedSave, type Repository, saveTogether } from "@es/core";
import type { SqliteDatabase, SqliteEventStore } from "@es/store-sqlite";
import { Failure } from "./failure.ts";
import type { Git } from "./git.ts";
import { type Commit, type FileChange, readLog } from "./git-log.ts";
import {
  assertSameHistory,
  loadProgress,
  type Progress,
  rangeOf,
  saveProgress,
  type StoredProgress,
} from "./import-progress.ts";
import { LiveFiles } from "./live-files.ts";
import { PathTable } from "./path-table.ts";
import { TrackedFile } from "./tracked-file.ts";

/** File changes in one transaction. */
const BATCH_CHANGES = 1_000;
/** Streams in one append. */
const SAVES_PER_APPEND = 500;

/** What is told after each transaction. */
export interface ImportStatus {
  readonly commits: number;
  readonly totalCommits: number;
  readonly changes: number;
}

/**
 * Imports what is new in a repository. Each batch is one transaction: the events of its commits, the path table and the progress are
 * stored together or not at all, so that an import that was killed goes on where the last batch ended, nothing lost and
 * nothing twice.
 */
export class Importer {
  readonly #store: SqliteEventStore;
  readonly #git: Git;
  readonly #files: Repository<TrackedFile, SqliteDatabase>;
  readonly #live: LiveFiles;
  readonly #onStatus: (status: ImportStatus) => void;

  constructor(store: SqliteEventStore, git: Git, onStatus: (status: ImportStatus) => void) {
    this.#store = store;
    this.#git = git;
    this.#files = createRepository(store, TrackedFile, { snapshots: { policy: everyNEvents(50) } });
    this.#live = new LiveFiles(this.#files);
    this.#onStatus = onStatus;
  }

  /** @returns how much was imported now @throws Failure when the history was rewritten */
  async run(): Promise<ImportStatus> {
    const head = this.#git.text("rev-parse", "HEAD");
    let stored = await loadProgress(this.#store);
    assertSameHistory(this.#git, stored.progress, head);
    const before = stored.progress;
    const totalCommits =
      Number(this.#git.text("rev-list", "--count", "--no-merges", rangeOf(before, head), "--")) - before.done;
    const report = ({ commits, changes }: Progress): ImportStatus => ({
      commits: commits - before.commits,
      totalCommits,
      changes: changes - before.changes,
    });
    // A list that was begun is finished first: the list of another head has another order.
    for (const target of new Set([before.target ?? head, head])) {
      for await (const batch of batches(readLog(this.#git, rangeOf(stored.progress, target)), stored.progress)) {
        stored = await this.#import(batch, target, stored);
        this.#live.trim();
        this.#onStatus(report(stored.progress));
      }
      stored = await this.#finish(target, stored);
    }
    return report(stored.progress);
  }

  async #import(
    commits: readonly Commit[],
    target: string,
    { progress, revision }: StoredProgress,
  ): Promise<StoredProgress> {
    return await this.#store.transaction(async (tx) => {
      const paths = new PathTable(tx);
      let changes = 0;
      for (const commit of commits) {
        changes += commit.changes.length;
        await this.#importCommit(commit, paths, tx);
      }
      const next = {
        ...progress,
        target,
        done: progress.done + commits.length,
        last: commits.at(-1)?.hash ?? progress.last,
        commits: progress.commits + commits.length,
        changes: progress.changes + changes,
      };
      return await saveProgress(this.#store, tx, next, revision);
    });
  }

  async #importCommit(commit: Commit, paths: PathTable, tx: SqliteDatabase): Promise<void> {
    const touched = new Set<TrackedFile>();
    for (const change of commit.changes) {
      const file = await this.#live.get(paths.follow(change, commit.hash));
      file.execute(commandOf(change, commit));
      touched.add(file);
    }
    const saves: readonly PreparedSave<SqliteDatabase>[] = [...touched].map((file) => this.#files.prepareSave(file));
    for (let start = 0; start < saves.length; start += SAVES_PER_APPEND) {
      await saveTogether(this.#store, saves.slice(start, start + SAVES_PER_APPEND), { tx });
    }
  }

  async #finish(target: string, { progress, revision }: StoredProgress): Promise<StoredProgress> {
    if (progress.base === target) return { progress, revision };
    return await this.#store.transaction((tx) =>
      saveProgress(this.#store, tx, { ...progress, base: target, target: null, done: 0, last: null }, revision),
    );
  }
}

type Command = Parameters<TrackedFile["execute"]>[0];

function commandOf(change: FileChange, commit: Commit): Command {
  const { path, added, removed, from } = change;
  const data = { path, added, removed, commit: commit.hash, author: commit.author, time: commit.time };
  if (change.kind === "renamed" && from !== undefined) return { type: "Rename", data: { ...data, from } };
  if (change.kind === "added") return { type: "Add", data };
  return change.kind === "deleted" ? { type: "Delete", data } : { type: "Change", data };
}

/**
 * Commits in groups of about {@link BATCH_CHANGES} changes, without those that are done.
 * @throws Failure when git lists the commits in another order than the run that did them saw
 */
async function* batches(
  commits: AsyncIterable<Commit>,
  { done, last }: Progress,
): AsyncGenerator<readonly Commit[], void, undefined> {
  let skipped = 0;
  let batch: Commit[] = [];
  let size = 0;
  for await (const commit of commits) {
    if (skipped < done) {
      skipped += 1;
      if (skipped === done && commit.hash !== last) throw otherOrder();
      continue;
    }
    batch.push(commit);
    size += commit.changes.length + 1;
    if (size < BATCH_CHANGES) continue;
    yield batch;
    batch = [];
    size = 0;
  }
  if (skipped < done) throw otherOrder();
  if (batch.length > 0) yield batch;
}

function otherOrder(): Failure {
  return new Failure("git lists the commits in another order than before; import again from the start with --fresh");
}
