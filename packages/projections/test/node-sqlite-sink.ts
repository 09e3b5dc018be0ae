// The worked example of docs/projections.md. A test runs a projection into it.
import type { DatabaseSync } from "node:sqlite";
import type { CheckpointedSink } from "../src/index.ts";

const TABLE =
  "CREATE TABLE IF NOT EXISTS registers (key TEXT PRIMARY KEY, value TEXT, revision INTEGER NOT NULL) STRICT";

/** A sink over the SQLite that is part of Node.js. */
export function nodeSqliteSink(database: DatabaseSync): CheckpointedSink<DatabaseSync> {
  database.exec(TABLE);
  let last: Promise<unknown> = Promise.resolve();

  // There is one connection, so one transaction at a time.
  function transaction<Result>(work: (tx: DatabaseSync) => Promise<Result>): Promise<Result> {
    const turn = last.then(async () => {
      database.exec("BEGIN IMMEDIATE");
      try {
        const result = await work(database);
        database.exec("COMMIT");
        return result;
      } catch (error) {
        database.exec("ROLLBACK");
        throw error;
      }
    });
    last = turn.catch(() => undefined);
    return turn;
  }
  const within = async <Result>(tx: DatabaseSync | undefined, work: () => Result): Promise<Result> =>
    tx === undefined ? transaction(async () => work()) : work();

  // A deleted register keeps its row without a value, so that no revision is used twice.
  const find = (key: string): { readonly value: string | undefined; readonly revision: number } => {
    const row = database.prepare("SELECT value, revision FROM registers WHERE key = ?").get(key);
    const value = row?.["value"];
    return { value: typeof value === "string" ? value : undefined, revision: Number(row?.["revision"] ?? 0) };
  };
  const put = (key: string, value: string | null, expected: number | undefined): number | undefined => {
    const { value: old, revision } = find(key);
    if (expected !== undefined && expected !== (old === undefined ? 0 : revision)) return undefined;
    if (value === null && old === undefined) return undefined;
    database.prepare("INSERT OR REPLACE INTO registers VALUES (?, ?, ?)").run(key, value, revision + 1);
    return revision + 1;
  };

  return {
    transaction,
    registers: {
      get: (key, call) =>
        within(call?.tx, () => {
          const { value, revision } = find(key);
          return value === undefined ? undefined : { value, revision };
        }),
      set: (key, value, call) => within(call?.tx, () => put(key, value, call?.expected)),
      delete: (key, call) => within(call?.tx, () => put(key, null, call?.expected) !== undefined),
      async *keys(prefix) {
        const list = database.prepare("SELECT key FROM registers WHERE value IS NOT NULL AND substr(key, 1, ?) = ?");
        for (const { key } of list.all(prefix.length, prefix)) yield String(key);
      },
    },
  };
}
