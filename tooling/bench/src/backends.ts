import type { Backend } from "./backend.ts";
import { KURRENTDB_BACKENDS } from "./kurrentdb-backends.ts";
import { MEMORY_BACKENDS } from "./memory-backends.ts";
import { NATS_BACKENDS } from "./nats-backends.ts";
import { POSTGRES_BACKENDS } from "./postgres-backends.ts";
import { SQLITE_BACKENDS } from "./sqlite-backends.ts";

/** All backends, in the order of the tables. */
export const BACKENDS: readonly Backend[] = [
  ...MEMORY_BACKENDS,
  ...SQLITE_BACKENDS,
  ...POSTGRES_BACKENDS,
  ...NATS_BACKENDS,
  ...KURRENTDB_BACKENDS,
];
