import { mkdtemp, rm } from "node:fs/promises";
import { join } from "node:path";
import { performance } from "node:perf_hooks";
import { openSqliteEventStore, type SqliteEventStore } from "@es/store-sqlite";
import { liveHeapBytes } from "./collect-garbage.ts";
import { orderEventList, orderStream } from "./order.ts";
import type { FlatReport } from "./report.ts";

const BATCH = 1_000;
const STEPS = 10;
const TARGET = 0.1;

/** Replays a long log and looks at the live heap on the way: it must not depend on how much was read. */
export async function measureFlatness(events: number, directory: string): Promise<FlatReport> {
  const files = await mkdtemp(join(directory, "flat-"));
  try {
    const path = join(files, "events.db");
    await fill(path, events);
    return await replay(path, events);
  } finally {
    await rm(files, { recursive: true, force: true });
  }
}

async function fill(path: string, events: number): Promise<void> {
  await using store: SqliteEventStore = await openSqliteEventStore({ path, synchronous: "NORMAL" });
  for (let done = 0; done < events; done += BATCH) {
    const size = Math.min(BATCH, events - done);
    await store.append({ streamId: orderStream(`${done}`), expected: "no-stream", events: orderEventList(size) });
  }
}

async function replay(path: string, events: number): Promise<FlatReport> {
  await using store: SqliteEventStore = await openSqliteEventStore({ path, synchronous: "NORMAL" });
  const heapBytes: number[] = [];
  let count = 0;
  const start = performance.now();
  for await (const page of store.readAll()) {
    count += page.events.length;
    while (heapBytes.length < STEPS && count >= ((heapBytes.length + 1) * events) / STEPS) {
      heapBytes.push(liveHeapBytes());
    }
  }
  const elapsedMs = performance.now() - start;
  if (count !== events) throw new Error(`the replay met ${count} events, not ${events}`);
  const first = heapBytes[0] ?? Number.NaN;
  const largestDeviation = Math.max(...heapBytes.map((bytes) => Math.abs(bytes / first - 1)));
  return { events, elapsedMs, heapBytes, largestDeviation, target: TARGET, isMet: largestDeviation <= TARGET };
}
