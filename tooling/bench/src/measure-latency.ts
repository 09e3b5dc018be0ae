import { mkdtemp, rm } from "node:fs/promises";
import { join } from "node:path";
import { performance } from "node:perf_hooks";
import { setTimeout as sleep } from "node:timers/promises";
import type { Side } from "./backend.ts";
import { LATENCY_PAIRS, type Followed, type LatencyPair } from "./latency-pairs.ts";
import { orderEvent, orderStream } from "./order.ts";
import type { LatencyReport } from "./report.ts";
import { percentile } from "./statistics.ts";

const WARM_UP = 30;
/** Long enough for everybody to wait again, and no multiple of any poll. */
const PAUSE_MS = 7;
const JITTER_MS = 6;

/** Times of one side. */
type Times = NonNullable<LatencyReport["bare"]>;

/** How the latency of handlers is measured. */
export interface LatencyPlan {
  /** Appends of each side. */
  readonly appends: number;
  /** Only pairs whose id this matches. */
  readonly only: RegExp;
  readonly directory: string;
}

/** Appends one event at a time, at a modest rate, and takes the time until a live projection has handled it. */
export async function measureLatency(
  { appends, only, directory }: LatencyPlan,
  onProgress: (line: string) => void,
): Promise<{ readonly servers: string[]; readonly latency: LatencyReport[] }> {
  const chosen = LATENCY_PAIRS.filter(({ id }) => only.test(`latency/${id}`));
  if (chosen.length === 0) throw new Error(`no latency has an id like ${only}`);
  const servers = new Set<string>();
  const latency: LatencyReport[] = [];
  for (const pair of chosen) {
    onProgress(`latency/${pair.id}`);
    await using running = await pair.start();
    if (running.server !== null) servers.add(running.server);
    const measure = (side: Side): Promise<Times | null> => measureSide(running.open, side, appends, directory);
    const toolkit = await measure("toolkit");
    if (toolkit === null) throw new Error(`${pair.id} has no toolkit side`);
    const { id, title } = pair;
    latency.push({ id, title, appends, toolkit, bare: await measure("bare") });
  }
  return { servers: [...servers], latency };
}

async function measureSide(
  open: Awaited<ReturnType<LatencyPair["start"]>>["open"],
  side: Side,
  appends: number,
  directory: string,
): Promise<Times | null> {
  const files = await mkdtemp(join(directory, `latency-${side}-`));
  try {
    await using followed = await open(side, files);
    return followed === null ? null : await timeAppends(followed, appends);
  } finally {
    await rm(files, { recursive: true, force: true });
  }
}

async function timeAppends(followed: Followed, appends: number): Promise<Times> {
  const handled = new Map<string, PromiseWithResolvers<number>>();
  await followed.follow((id) => handled.get(id)?.resolve(performance.now()));
  const fromAppend: number[] = [];
  const fromAcknowledgement: number[] = [];
  for (let turn = 0; turn < WARM_UP + appends; turn += 1) {
    const event = orderEvent(turn);
    const shown = Promise.withResolvers<number>();
    handled.set(event.id, shown);
    await sleep(PAUSE_MS + Math.random() * JITTER_MS);
    const startedAt = performance.now();
    await followed.append(orderStream("1"), turn, [event]);
    const acknowledgedAt = performance.now();
    const handledAt = await shown.promise;
    handled.delete(event.id);
    if (turn < WARM_UP) continue;
    fromAppend.push(handledAt - startedAt);
    // A reader may be faster than the answer to the writer.
    fromAcknowledgement.push(Math.max(0, handledAt - acknowledgedAt));
  }
  return { fromAppend: quantiles(fromAppend), fromAcknowledgement: quantiles(fromAcknowledgement) };
}

function quantiles(ms: readonly number[]): Times["fromAppend"] {
  return { p50Ms: percentile(ms, 50), p99Ms: percentile(ms, 99) };
}
