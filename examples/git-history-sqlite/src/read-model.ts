import type { EventStore } from "@es/core";
import type { Totals } from "./reconcile.ts";
import { fileEvents } from "./tracked-file.ts";

/** Sums over the events of one key. */
export interface Churn {
  changes: number;
  added: number;
  removed: number;
}

/** What the report shows. Grows with files, authors and months, not with events. */
export interface ReadModel {
  readonly files: ReadonlyMap<string, Churn & { path: string }>;
  readonly authors: ReadonlyMap<string, Churn & { commits: number }>;
  readonly months: ReadonlyMap<string, Churn>;
  /** Its commits are those that changed a file: the others left no event. */
  readonly total: Totals;
  readonly renames: number;
}

/** Folds the whole log, page by page. */
export async function foldLog<Tx>(store: EventStore<Tx>): Promise<ReadModel> {
  const files = new Map<string, Churn & { path: string }>();
  const authors = new Map<string, Churn & { commits: number }>();
  const months = new Map<string, Churn>();
  const total = { ...noChurn(), commits: 0 };
  let renames = 0;
  let lastCommit = "";
  for await (const page of store.readAll({ filter: { categories: ["file"] }, pageSize: 1_000 })) {
    for (const recorded of page.events) {
      const { type, data, streamId } = fileEvents.decode(recorded);
      const file = entry(files, streamId, () => ({ ...noChurn(), path: "" }));
      file.path = data.path;
      const author = entry(authors, data.author, () => ({ ...noChurn(), commits: 0 }));
      // The events of one commit stand side by side.
      if (data.commit !== lastCommit) {
        author.commits += 1;
        total.commits += 1;
      }
      lastCommit = data.commit;
      const month = entry(months, data.time.slice(0, 7), noChurn);
      for (const churn of [file, author, month, total]) {
        churn.changes += 1;
        churn.added += data.added ?? 0;
        churn.removed += data.removed ?? 0;
      }
      if (type === "FileRenamed") renames += 1;
    }
  }
  return { files, authors, months, total, renames };
}

function noChurn(): Churn {
  return { changes: 0, added: 0, removed: 0 };
}

function entry<Value>(map: Map<string, Value>, key: string, create: () => Value): Value {
  const found = map.get(key);
  if (found !== undefined) return found;
  const created = create();
  map.set(key, created);
  return created;
}
