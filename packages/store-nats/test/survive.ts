import type { FaultLoad } from "test-helpers/fault-load";
import { surviveFaults } from "test-helpers/survive-faults";
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
  return await surviveFaults({ stores, checker, writers: WRITERS, progress: 300 }, disturb);
}
