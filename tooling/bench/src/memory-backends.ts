import { createMemoryEventStore } from "@es/store-memory";
import type { Backend, Side } from "./backend.ts";
import { openBareMemory } from "./bare-memory.ts";
import { embedded } from "./embedded.ts";
import type { Subject } from "./subject.ts";
import { createToolkitSubject } from "./toolkit-subject.ts";

const COMMON = { timeEvery: 16, maxPerSlice: 50_000 };

/** The store in memory, against a Map. */
export const MEMORY_BACKENDS: readonly Backend[] = [
  {
    ...COMMON,
    id: "memory",
    title: "Memory, bare side a Map that keeps the caller's own objects",
    start: () => embedded((side) => open(side, { isCopying: false })),
  },
  {
    ...COMMON,
    id: "memory-copies",
    title: "Memory, bare side a Map that copies in and out by structuredClone",
    start: () => embedded((side) => open(side, { isCopying: true })),
  },
];

async function open(side: Side, bare: { readonly isCopying: boolean }): Promise<Subject> {
  return side === "bare" ? openBareMemory(bare) : createToolkitSubject(createMemoryEventStore());
}
