import type { FaultLoad } from "test-helpers/fault-load";
import { surviveFaults } from "test-helpers/survive-faults";
import { type KurrentDbEventStoreOptions, openKurrentDbEventStore } from "../src/index.ts";

const WRITERS = 20;

/** Runs 20 writers through two stores while `disturb` does its work, then compares what they were told with the log. */
export async function survive(
  options: KurrentDbEventStoreOptions,
  disturb: (load: FaultLoad) => Promise<void>,
): Promise<FaultLoad> {
  await using checker = await openKurrentDbEventStore({ ...options, timeoutMs: 15_000 });
  const stores = await Promise.all([1, 2].map(() => openKurrentDbEventStore({ timeoutMs: 3_000, ...options })));
  return await surviveFaults({ stores, checker, writers: WRITERS, progress: 100 }, disturb);
}
