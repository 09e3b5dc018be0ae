import { writeOf } from "test-helpers";
import { FaultLoad } from "test-helpers/fault-load";
import { LiveLog } from "test-helpers/live-log";
import { expect } from "vitest";
import { type KurrentDbEventStoreOptions, openKurrentDbEventStore } from "../src/index.ts";

const WRITERS = 20;

/** Runs 20 writers through two stores while `disturb` does its work, then compares what they were told with the log. */
export async function survive(
  options: KurrentDbEventStoreOptions,
  disturb: (load: FaultLoad) => Promise<void>,
): Promise<FaultLoad> {
  await using checker = await openKurrentDbEventStore({ ...options, timeoutMs: 15_000 });
  const stores = await Promise.all([1, 2].map(() => openKurrentDbEventStore({ timeoutMs: 3_000, ...options })));
  const live = new LiveLog(stores[0] ?? checker);
  const load = new FaultLoad(stores, WRITERS);
  await load.progress(100);
  await disturb(load);
  await load.progress(100);
  await load.stop();
  const last = writeOf("last-1");
  load.acknowledged.set(last, await checker.append(last));

  const log = await load.reconcile(checker);
  await live.shows(last.events[0]?.id);
  await live.stop();
  expect(live.events).toStrictEqual(log);
  for (const store of stores) await store[Symbol.asyncDispose]();
  return load;
}
