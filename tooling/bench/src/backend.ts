import { join } from "node:path";
import { createMemoryEventStore } from "@es/store-memory";
import { openSqliteEventStore } from "@es/store-sqlite";
import { openBareMemory } from "./bare-memory.ts";
import { openBareSqlite, type Synchronous } from "./bare-sqlite.ts";
import type { Subject } from "./subject.ts";
import { createToolkitSubject } from "./toolkit-subject.ts";

/** The two sides of a ratio. */
export type Side = "toolkit" | "bare";

/** What is measured, and against what. */
export interface Backend {
  readonly id: "memory" | "memory-copies" | "sqlite-normal" | "sqlite-full";
  readonly title: string;
  /** Time only each n-th call: a push into an array is faster than two looks at the clock. */
  readonly timeEvery: number;
  /** Most events written, or operations done, in one slice. */
  readonly maxPerSlice: number;
  /** Opens a side, empty, with its files in a directory of its own. */
  open(side: Side, directory: string): Promise<Subject>;
}

export const BACKENDS: readonly Backend[] = [
  {
    id: "memory",
    title: "Memory, bare side a Map that keeps the caller's own objects",
    timeEvery: 16,
    maxPerSlice: 50_000,
    open: (side) => openMemory(side, { isCopying: false }),
  },
  {
    id: "memory-copies",
    title: "Memory, bare side a Map that copies in and out by structuredClone",
    timeEvery: 16,
    maxPerSlice: 50_000,
    open: (side) => openMemory(side, { isCopying: true }),
  },
  {
    id: "sqlite-normal",
    title: "SQLite, synchronous=NORMAL",
    timeEvery: 1,
    maxPerSlice: 50_000,
    open: (side, directory) => openSqlite(side, directory, "NORMAL"),
  },
  {
    id: "sqlite-full",
    title: "SQLite, synchronous=FULL",
    timeEvery: 1,
    maxPerSlice: 50_000,
    open: (side, directory) => openSqlite(side, directory, "FULL"),
  },
];

async function openMemory(side: Side, bare: { readonly isCopying: boolean }): Promise<Subject> {
  return side === "bare" ? openBareMemory(bare) : createToolkitSubject(createMemoryEventStore());
}

async function openSqlite(side: Side, directory: string, synchronous: Synchronous): Promise<Subject> {
  const path = join(directory, "events.db");
  if (side === "bare") return openBareSqlite(path, synchronous);
  return createToolkitSubject(await openSqliteEventStore({ path, synchronous }));
}
