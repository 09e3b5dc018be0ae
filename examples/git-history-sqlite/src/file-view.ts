import { AggregateNotFoundError, createRepository, streamEvents, streamIdOf } from "@es/core";
import type { SqliteEventStore } from "@es/store-sqlite";
import { Failure } from "./failure.ts";
import { PathTable } from "./path-table.ts";
import { count, table, visible } from "./report.ts";
import { fileEvents, TrackedFile } from "./tracked-file.ts";

/**
 * The history of one file as a table, and its state now or at a point of its history.
 * @param at - a version, or a time
 * @throws Failure when there is no such file or point
 */
export async function viewFile(store: SqliteEventStore, path: string, at: string | undefined): Promise<string> {
  const found = await store.transaction(async (tx) => new PathTable(tx).find(path));
  if (found === undefined) {
    throw new Failure(`no file was ever at ${path}; give the path as git shows it, from the top of the repository`);
  }
  const file = await loadFile(store, found.fileId, at);
  const rows: string[][] = [];
  for await (const recorded of streamEvents(store, file.streamId, { to: file.version })) {
    const { type, version, data } = fileEvents.decode(recorded);
    const lines = [`+${data.added ?? "binary"}`, `-${data.removed ?? "binary"}`];
    rows.push([
      String(version),
      data.time.slice(0, 10),
      ...lines,
      type,
      data.commit.slice(0, 10),
      data.author,
      data.path,
    ]);
  }
  const { isPresent, changes, added, removed, lastAuthor, lastTime } = file.state;
  return [
    `${visible(file.state.path)} at version ${file.version}`,
    table(["version", "date", "+", "-", "event", "commit", "author", "path"], rows),
    `  ${isPresent ? "present" : "deleted"} after ${count(changes)} changes, +${count(added)} -${count(removed)} lines, ` +
      `last by ${visible(lastAuthor)} on ${lastTime.slice(0, 10)}`,
  ].join("\n\n");
}

async function loadFile(store: SqliteEventStore, fileId: string, at: string | undefined): Promise<TrackedFile> {
  const files = createRepository(store, TrackedFile);
  if (at === undefined) return await files.load(fileId);
  const version = /^\d{1,9}$/.test(at) ? Number(at) : await versionAt(store, fileId, at);
  if (version === 0) throw new Failure(`--at ${at}: the file did not exist yet`);
  try {
    return await files.loadAt(fileId, { version });
  } catch (error) {
    if (error instanceof AggregateNotFoundError) throw new Failure(`--at ${at}: ${error.message}`);
    throw error;
  }
}

/**
 * How many changes the file had at a time. That is the time of the commits; `loadAt({ time })` would go by when this program
 * recorded them.
 */
async function versionAt(store: SqliteEventStore, fileId: string, at: string): Promise<number> {
  const time = new Date(at);
  if (Number.isNaN(time.getTime())) throw new Failure(`--at ${at} is neither a version nor a time such as 2026-01-31`);
  let version = 0;
  for await (const recorded of streamEvents(store, streamIdOf("file", fileId))) {
    if (new Date(fileEvents.decode(recorded).data.time) > time) return version;
    version = recorded.version;
  }
  return version;
}
