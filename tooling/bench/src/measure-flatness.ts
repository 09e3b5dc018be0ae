import { mkdtemp, rm } from "node:fs/promises";
import { join } from "node:path";
import { performance } from "node:perf_hooks";
import type { EventStore } from "@es/core";
import { liveHeapBytes } from "./collect-garbage.ts";
import { FLAT_CASES, type FlatCase } from "./flat-cases.ts";
import { orderEventList, orderStream } from "./order.ts";
import type { FlatReport } from "./report.ts";

const BATCH = 1_000;
const STEPS = 10;
const TARGET = 0.1;
/** What a deviation is a share of at least, where next to nothing is left of the heap without the log. */
const LEAST_BYTES = 16 * 1024 ** 2;

/** What is replayed. */
export interface FlatPlan {
  readonly events: number;
  /** Only cases whose id this matches. */
  readonly only: RegExp;
  readonly directory: string;
}

/** Replays a long log and looks at the live heap on the way: it must not depend on how much was read. */
export async function measureFlatness(
  { events, only, directory }: FlatPlan,
  onProgress: (line: string) => void,
): Promise<{ readonly servers: string[]; readonly flat: FlatReport[] }> {
  const chosen = FLAT_CASES.filter(({ id }) => only.test(`flat/${id}`));
  if (chosen.length === 0) throw new Error(`no replay has an id like ${only}`);
  const servers = new Set<string>();
  const flat: FlatReport[] = [];
  for (const flatCase of chosen) {
    onProgress(`flat/${flatCase.id}`);
    const files = await mkdtemp(join(directory, "flat-"));
    try {
      await using place = await flatCase.open(files);
      if (place.server !== null) servers.add(place.server);
      await fill(place.writer, events);
      await using reader = await place.openReader();
      flat.push(await replay(flatCase, reader, events));
    } finally {
      await rm(files, { recursive: true, force: true });
    }
  }
  return { servers: [...servers], flat };
}

async function fill(store: EventStore<unknown>, events: number): Promise<void> {
  for (let done = 0; done < events; done += BATCH) {
    const size = Math.min(BATCH, events - done);
    await store.append({ streamId: orderStream(`${done}`), expected: "no-stream", events: orderEventList(size) });
  }
}

async function replay(flatCase: FlatCase, store: EventStore<unknown>, events: number): Promise<FlatReport> {
  const { id, title, isLogInHeap } = flatCase;
  const logBytes = isLogInHeap ? liveHeapBytes() : 0;
  const heapBytes: number[] = [];
  const start = performance.now();
  const count = await flatCase.replay(store, (done) => {
    while (heapBytes.length < STEPS && done >= ((heapBytes.length + 1) * events) / STEPS) {
      heapBytes.push(liveHeapBytes() - logBytes);
    }
  });
  const elapsedMs = performance.now() - start;
  if (count !== events) throw new Error(`${id} met ${count} events, not ${events}`);
  const first = heapBytes[0] ?? Number.NaN;
  const share = isLogInHeap ? Math.max(first, LEAST_BYTES) : first;
  const largestDeviation = Math.max(...heapBytes.map((bytes) => Math.abs(bytes - first) / share));
  const isMet = largestDeviation <= TARGET;
  return { id, title, events, elapsedMs, heapBytes, largestDeviation, target: TARGET, isMet };
}
