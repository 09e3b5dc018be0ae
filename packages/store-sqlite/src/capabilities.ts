import type { Capabilities, Durability } from "@es/core";
import { MAX_BYTES_PER_APPEND, MAX_EVENTS_PER_APPEND } from "./limits.ts";
import type { SqliteDatabase } from "./sqlite-database.ts";

/** What the store can do on this database. Durability is asked from SQLite, not taken from the options. */
export function capabilitiesOf(
  database: SqliteDatabase,
  facts: { readonly isInMemory: boolean; readonly isReadOnly: boolean; readonly pollIntervalMs: number },
): Capabilities {
  const durability = durabilityOf(database, facts);
  return {
    atomicStreams: Number.POSITIVE_INFINITY,
    maxEventsPerAppend: MAX_EVENTS_PER_APPEND,
    maxBytesPerAppend: MAX_BYTES_PER_APPEND,
    transactions: true,
    conditions: "query",
    filter: "store",
    wakeUp: facts.isInMemory ? "push" : "poll",
    durability: durability.level,
    shared: !facts.isInMemory,
    gaps: {
      maxEventsPerAppend: "an append is one transaction, which runs to its end before anything else does",
      maxBytesPerAppend: "an append is one transaction, which runs to its end before anything else does",
      ...(durability.reason === undefined ? {} : { durability: durability.reason }),
      ...(facts.isInMemory
        ? { shared: "a database in memory belongs to its connection" }
        : {
            wakeUp: `SQLite cannot notify other processes; they ask every ${facts.pollIntervalMs} ms while a live read waits`,
          }),
    },
  };
}

const SYNCED_JOURNALS: readonly unknown[] = ["wal", "delete", "truncate", "persist"];

function durabilityOf(
  database: SqliteDatabase,
  { isInMemory, isReadOnly }: { readonly isInMemory: boolean; readonly isReadOnly: boolean },
): { readonly level: Durability; readonly reason?: string } {
  if (isInMemory) return { level: "none", reason: "the database is in memory and ends with its connection" };
  if (isReadOnly)
    return { level: "buffered", reason: "the store is read-only; how its writers sync is theirs to know" };
  const synchronous = Number(database.pragma("synchronous", { simple: true }));
  const journal = database.pragma("journal_mode", { simple: true });
  if (synchronous >= 2 && SYNCED_JOURNALS.includes(journal)) return { level: "fsync" };
  return {
    level: "buffered",
    reason: `synchronous is ${["OFF", "NORMAL", "FULL", "EXTRA"][synchronous] ?? synchronous} with journal mode ${String(journal)}, so a power failure may lose the last appends`,
  };
}
