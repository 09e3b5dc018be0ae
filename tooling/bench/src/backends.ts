import type { Backend } from "./backend.ts";
import { MEMORY_BACKENDS } from "./memory-backends.ts";
import { POSTGRES_BACKENDS } from "./postgres-backends.ts";
import { SQLITE_BACKENDS } from "./sqlite-backends.ts";

/** All backends, in the order of the tables. */
export const BACKENDS: readonly Backend[] = [...MEMORY_BACKENDS, ...SQLITE_BACKENDS, ...POSTGRES_BACKENDS];
