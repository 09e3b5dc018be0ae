import type { EventStore } from "@es/core";
import { expect } from "vitest";
import { FaultLoad } from "./fault-load.ts";
import { LiveLog } from "./live-log.ts";
import { writeOf } from "./new-write.ts";

/** What writes, and what looks at it. */
export interface SurviveOptions {
  /** Closed at the end. */
  readonly stores: readonly EventStore[];
  /** Compares what the writers were told with the log. */
  readonly checker: EventStore;
  readonly writers: number;
  /** So many appends must be acknowledged before, and again after, the faults. */
  readonly progress: number;
}

/** Runs writers while `disturb` does its work, then compares what they were told, and what a live read was shown, with the log. */
export async function surviveFaults(
  { stores, checker, writers, progress }: SurviveOptions,
  disturb: (load: FaultLoad) => Promise<void>,
): Promise<FaultLoad> {
  const live = new LiveLog(stores[0] ?? checker);
  const load = new FaultLoad(stores, writers);
  await load.progress(progress);
  await disturb(load);
  await load.progress(progress);
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
