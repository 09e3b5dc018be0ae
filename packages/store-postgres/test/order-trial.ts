import { setTimeout as sleep } from "node:timers/promises";
import type { EventStore, RecordedEvent } from "@es/core";
import { Child, readLog, writeOf } from "test-helpers";
import type { TestDatabase } from "./database.ts";

/** How hard the trial is. */
export interface OrderTrial {
  /** Events that the processes commit together, at least. */
  readonly events: number;
  readonly processes: number;
  /** Writers in each process. */
  readonly writers: number;
}

/** What the readers saw. */
export interface OrderReport {
  readonly delivered: number;
  /** What was wrong; empty when nothing was. */
  readonly problems: readonly string[];
}

/**
 * Lets writers of several processes append, with sleeps in transactions, rollbacks, early transaction ids and a transaction
 * that is left open, while live readers follow; then compares what each reader saw with what is stored and with a replay.
 */
export async function runOrderTrial(database: TestDatabase, trial: OrderTrial): Promise<OrderReport> {
  const store = await database.open({ timeoutMs: 20_000 });
  const polling = await database.open({ timeoutMs: 20_000, listen: false, pollIntervalMs: 20 });
  const unprepared = await database.open({ timeoutMs: 20_000, prepared: false });
  const controller = new AbortController();
  const readers = [store, polling, unprepared].map((one, index) => follow(one, 50 + 200 * index, controller.signal));
  const children = Array.from(
    { length: trial.processes },
    () =>
      new Child(new URL("./child/write-badly.ts", import.meta.url), {
        url: database.url,
        events: Math.ceil(trial.events / trial.processes),
        writers: trial.writers,
        streams: 200,
      }),
  );
  const written = Promise.all(children.map(({ done }) => done));
  const stranger = await database.connect();
  await stranger.query("BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT pg_current_xact_id()");
  const isDone = written.then(
    () => true,
    () => true,
  );
  while (!(await Promise.race([isDone, sleep(200, false)]))) {
    const slow = await database.connect();
    await slow.query("BEGIN");
    await store.append(writeOf("slow-1", "any"), { tx: slow });
    await sleep(1_500);
    await slow.query("COMMIT");
    await slow.end();
  }
  await written;
  await stranger.query("ROLLBACK");

  const stored = await database.query("SELECT id FROM es.events ORDER BY position");
  const ids = stored.map(([id]) => String(id));
  const end = performance.now() + 20_000;
  while (readers.some(({ seen }) => seen.length < ids.length) && performance.now() < end) await sleep(20);
  controller.abort();
  await Promise.all(readers.map(({ ended }) => ended));

  const problems = [...compare("a replay", await readLog(store), ids)];
  for (const [index, { seen }] of readers.entries()) problems.push(...compare(`reader ${index}`, seen, ids));
  return { delivered: ids.length, problems };
}

function follow(
  store: EventStore<never> | EventStore<unknown>,
  pageSize: number,
  signal: AbortSignal,
): { readonly seen: readonly RecordedEvent[]; readonly ended: Promise<void> } {
  const seen: RecordedEvent[] = [];
  const read = async (): Promise<void> => {
    try {
      for await (const page of store.readAll({ live: true, pageSize, signal })) seen.push(...page.events);
    } catch (error) {
      if (!signal.aborted) throw error;
    }
  };
  return { seen, ended: read() };
}

function compare(who: string, seen: readonly RecordedEvent[], stored: readonly string[]): string[] {
  const problems: string[] = [];
  const ids = new Set(seen.map(({ id }) => id));
  const lost = stored.filter((id) => !ids.has(id)).length;
  if (lost > 0) problems.push(`${who} has not seen ${lost} of ${stored.length} events`);
  if (ids.size < seen.length) problems.push(`${who} has seen ${seen.length - ids.size} events twice`);
  const misplaced = seen.filter(({ id }, index) => id !== stored[index]).length;
  if (misplaced > 0) problems.push(`${who} has seen ${misplaced} events in another order than the log's`);
  const versions = new Map<string, number>();
  let jumps = 0;
  for (const { streamId, version } of seen) {
    if (version !== (versions.get(streamId) ?? 0) + 1) jumps += 1;
    versions.set(streamId, version);
  }
  if (jumps > 0) problems.push(`${who} has seen ${jumps} events out of the order of their stream`);
  return problems;
}
