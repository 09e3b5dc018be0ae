import { writeOf } from "test-helpers";
import { FaultLoad } from "test-helpers/fault-load";
import { LiveLog } from "test-helpers/live-log";
import { expect } from "vitest";
import { type NatsCommonOptions, openNatsEventStore } from "../src/index.ts";

const WRITERS = 40;

/** Where the load goes, and where it is checked. */
export interface SurviveOptions extends NatsCommonOptions {
  readonly direct: string | readonly string[];
  /** Each is a connection of its own. */
  readonly through: readonly (string | readonly string[])[];
}

/** Runs 40 writers through several connections while `disturb` does its work, then compares what they were told with the log. */
export async function survive(
  { direct, through, ...options }: SurviveOptions,
  disturb: (load: FaultLoad) => Promise<void>,
): Promise<FaultLoad> {
  const common = { timeoutMs: 4_000, name: `f-${crypto.randomUUID()}`, ...options };
  await using checker = await openNatsEventStore({ ...common, servers: direct, timeoutMs: 10_000 });
  const stores = await Promise.all(through.map((servers) => openNatsEventStore({ ...common, servers })));
  const live = new LiveLog(stores[0] ?? checker);
  const load = new FaultLoad(stores, WRITERS);
  await load.progress(300);
  await disturb(load);
  await load.progress(300);
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
