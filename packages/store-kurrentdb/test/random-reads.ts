import { setTimeout as sleep } from "node:timers/promises";
import type { EventQuery, Page, ReadAllOptions, ReadStreamOptions, RecordedEvent } from "@es/core";
import { KurrentDBClient } from "@kurrent/kurrentdb-client";
import { type KurrentDouble, startKurrentDouble } from "kurrentdb-double";
import { Chance } from "test-helpers";
import { type KurrentDbEventStore, openKurrentDbEventStore } from "../src/index.ts";
import { type Cut, type CuttingProxy, startCuttingProxy } from "./cut-answers.ts";

type LoggedEvent = KurrentDouble["log"][number];

/** Going away is rare: it ends all reads that are under way. */
const HOWS: readonly Cut[] = [
  ...(["reset without error", "reset as cancelled", "end without a status"] as const).flatMap((how) => [how, how, how]),
  "go away",
];
const TYPES = ["Happened", "Happened", "Happened", "Mark", "Rare"];
const STREAMS = ["a-1", "a-2", "b-1", "b-2", "c"];
/** Streams that are truncated, deleted and written anew. */
const SHORTENED = ["t-1", "t-2"];
const READERS = 3;
/** A reader with small pages would never catch up with writers that do not stop. */
const MOST_EVENTS = 1_500;

/** What is read of the log: one query, if any. */
interface LogOptions extends Pick<ReadAllOptions, "after" | "limit" | "pageSize"> {
  readonly filter?: EventQuery;
}

/** Numbers from 0 up to 1 that a seed determines. */
type Random = () => number;

/** What one run is made of. */
interface Run {
  readonly random: Random;
  readonly double: KurrentDouble;
  readonly proxy: CuttingProxy;
  /** The store that is read, behind the proxy. */
  readonly store: KurrentDbEventStore;
  /** The same store without a proxy, for the writers. */
  readonly direct: KurrentDbEventStore;
  /** Another store on the server. */
  readonly foreign: KurrentDbEventStore;
  readonly client: KurrentDBClient;
  readonly prefix: string;
}

/**
 * Reads streams and the log in all ways through a proxy that cuts answers, while others append, truncate and delete.
 *
 * @throws Error saying which read gave what it should not
 */
export async function readAtRandom(seed: number, readsEach: number): Promise<void> {
  const random = new Chance(seed).next;
  const name = random() < 0.5 ? undefined : "shop";
  await using double = await startKurrentDouble();
  const { connectionString } = double;
  await using proxy = await startCuttingProxy(double.port);
  const behind = `kurrentdb://127.0.0.1:${proxy.port}?tls=false&discoveryInterval=1`;
  const named = name === undefined ? {} : { name };
  await using direct = await openKurrentDbEventStore({ connectionString, ...named });
  await using foreign = await openKurrentDbEventStore({ connectionString, name: "other" });
  await using store = await openKurrentDbEventStore({ connectionString: behind, timeoutMs: 5_000, ...named });
  const client = KurrentDBClient.connectionString(connectionString);
  const prefix = name === undefined ? "" : `${name}.`;
  const run: Run = { random, double, proxy, store, direct, foreign, client, prefix };
  try {
    for (let n = 0; n < 10 + 40 * random(); n += 1) await write(run);
    let isOver = false;
    const disturbing = (async () => {
      while (!isOver) {
        if (double.log.length < MOST_EVENTS) await write(run);
        disturb(run);
        await sleep(Math.floor(15 * random()));
      }
    })();
    const stop = new AbortController();
    const live = [{}, randomFilter(random)].map((filter) => readLive(run, filter, stop.signal));
    const readers = Array.from({ length: READERS }, async () => {
      for (let n = 0; n < readsEach; n += 1) await readOnce(run);
    });
    const outcomes = await Promise.allSettled(readers);
    isOver = true;
    await disturbing;
    const last = eventsOf(run).length;
    await Promise.all(live.map(async ({ seenUpTo }) => seenUpTo(last)));
    stop.abort();
    outcomes.push(...(await Promise.allSettled(live.map(async ({ reading }) => reading))));
    for (const outcome of outcomes) if (outcome.status === "rejected") throw outcome.reason;
    for (const streamId of [...STREAMS, ...SHORTENED]) await readStream(run, streamId, {});
    await readLog(run, {});
  } finally {
    await client.dispose();
  }
}

async function write({ random, direct, foreign, client, prefix }: Run): Promise<void> {
  const chance = random();
  const streamId = pick(random, chance < 0.15 ? SHORTENED : STREAMS);
  const count = chance > 0.95 ? 150 : 1 + Math.floor(3 * random());
  const events = Array.from({ length: count }, () => ({ type: pick(random, TYPES), data: "x".repeat(30 * random()) }));
  await (chance > 0.7 && chance < 0.85 ? foreign : direct).append({ streamId, expected: "any", events });
  if (chance > 0.05) return;
  const stream = `${prefix}${pick(random, SHORTENED)}`;
  if (random() < 0.3) await client.deleteStream(stream).catch(() => undefined);
  else await client.setStreamMetadata(stream, random() < 0.5 ? { maxCount: 4 } : { truncateBefore: 6 });
}

function disturb({ random, double, proxy }: Run): void {
  const chance = random();
  if (chance < 0.25) proxy.cut(pick(random, HOWS), Math.floor(40 * random() ** 2), 1 + Math.floor(2 * random()));
  else if (chance < 0.26)
    double.misbehave({ on: "read", how: "drop", afterEvents: Math.floor(9 * random()), times: 1 });
  else if (chance < 0.28) double.misbehave({ on: "subscribe", how: "end", afterEvents: 1, times: 1 });
  else if (chance < 0.3) double.misbehave({ on: "read", how: "slow", delayMs: 30, times: 2 });
}

async function readOnce(run: Run): Promise<void> {
  const { random } = run;
  if (random() < 0.5) {
    const from = random() < 0.6 ? {} : { from: 1 + Math.floor(30 * random()) };
    const to = random() < 0.7 ? {} : { to: 1 + Math.floor(60 * random()) };
    const direction = random() < 0.6 ? {} : ({ direction: "backward" } as const);
    const streamId = pick(random, [...STREAMS, ...SHORTENED, "absent-1"]);
    return readStream(run, streamId, { ...from, ...to, ...direction, ...randomSize(random) });
  }
  const start = eventsOf(run)[Math.floor(300 * random())];
  const after = random() < 0.5 || start === undefined ? {} : { after: positionOf(start) };
  return readLog(run, { ...after, ...randomFilter(random), ...randomSize(random) });
}

/** Every event once, in its order, and none missing that was there when the read began. */
async function readStream(run: Run, streamId: string, options: ReadStreamOptions): Promise<void> {
  const isBackward = options.direction === "backward";
  const { from = 1, to = Number.POSITIVE_INFINITY, limit = Number.POSITIVE_INFINITY } = options;
  const logged = (): readonly LoggedEvent[] =>
    eventsOf(run)
      .filter((event) => event.streamName === run.prefix + streamId)
      .filter(({ revision }) => Number(revision) + 1 >= from && Number(revision) + 1 <= to);
  const before = logged();
  const seen: RecordedEvent[] = [];
  for await (const page of run.store.readStream(streamId, options)) {
    if (page.length > (options.pageSize ?? 500)) throw new Error("a page is too large");
    seen.push(...page);
    if (run.random() < 0.1) await sleep(5);
  }
  const all = logged();
  const ordered = isBackward ? all.toReversed() : all;
  const first = seen[0];
  const isShortened = SHORTENED.includes(streamId);
  const nothing = isBackward ? all.length : 0;
  const begin = first === undefined ? nothing : ordered.findIndex(({ id }) => id === first.id);
  const told = `stream ${streamId} ${JSON.stringify(options)}: ${seen.map(({ version }) => version).join()}`;
  if (isShortened) {
    // What is removed while it is read is missing in the middle.
    const places = seen.map(({ id }) => ordered.findIndex((event) => event.id === id));
    if (!places.every((place, index) => place > (places[index - 1] ?? -1))) throw new Error(`not in order: ${told}`);
    return;
  }
  if (!seen.every(({ id }, index) => ordered[begin + index]?.id === id)) throw new Error(`not in order: ${told}`);
  const least = isBackward ? all.length - begin : before.length;
  if (isBackward ? begin > all.length - before.length : begin !== 0) throw new Error(`begins too late: ${told}`);
  if (seen.length < Math.min(least, limit)) throw new Error(`events are missing: ${told}`);
  if (seen.length > limit) throw new Error(`more than the limit: ${told}`);
}

/** Compares each page with the log. */
class LogCheck {
  readonly #run: Run;
  readonly #options: LogOptions;
  seen = 0;
  #next: string;

  constructor(run: Run, options: LogOptions) {
    this.#run = run;
    this.#options = options;
    this.#next = options.after ?? "";
  }

  /** @param known - how many events of the store there were when the page was asked for */
  add({ events, next, isCaughtUp }: Page, known: number): void {
    const wanted = this.wanted(eventsOf(this.#run));
    const told = `log ${JSON.stringify(this.#options)} at ${this.seen} of ${wanted.length}, ${events.length} events, next ${next}`;
    for (const { id, position } of events) {
      const expected = wanted[this.seen];
      if (expected?.id !== id || positionOf(expected) !== position) throw new Error(`not in order: ${told}`);
      this.seen += 1;
    }
    if (next < this.#next) throw new Error(`goes back: ${told}`);
    this.#next = next;
    const following = wanted[this.seen];
    if (following !== undefined && positionOf(following) <= next) throw new Error(`passes over an event: ${told}`);
    const least = this.wanted(eventsOf(this.#run).slice(0, known)).length;
    if (isCaughtUp && this.seen < least) throw new Error(`is not caught up: ${told}`);
  }

  wanted(events: readonly LoggedEvent[]): readonly LoggedEvent[] {
    const { after = "", filter } = this.#options;
    const { types, categories } = filter ?? {};
    const { length } = this.#run.prefix;
    return events.filter(
      (event) =>
        positionOf(event) > after &&
        (types === undefined || types.includes(event.type)) &&
        (categories === undefined || categories.includes(event.streamName.slice(length).split("-")[0] ?? "")),
    );
  }
}

async function readLog(run: Run, options: LogOptions): Promise<void> {
  const check = new LogCheck(run, options);
  const before = check.wanted(eventsOf(run)).length;
  let known = eventsOf(run).length;
  let isCaughtUp = false;
  for await (const page of run.store.readAll(options)) {
    check.add(page, known);
    ({ isCaughtUp } = page);
    if (run.random() < 0.1) await sleep(5);
    known = eventsOf(run).length;
  }
  const { limit = Number.POSITIVE_INFINITY } = options;
  if (check.seen > limit) throw new Error(`more than the limit: log ${JSON.stringify(options)}`);
  if (!isCaughtUp && check.seen < limit) throw new Error(`ends early: log ${JSON.stringify(options)}`);
  if (check.seen < Math.min(before, limit)) throw new Error(`events are missing: log ${JSON.stringify(options)}`);
}

/** A live read, and a wait for it to have seen all of so many events of the store. */
function readLive(run: Run, filter: LogOptions, signal: AbortSignal) {
  const check = new LogCheck(run, filter);
  const reading = (async () => {
    let known = eventsOf(run).length;
    try {
      for await (const page of run.store.readAll({ ...filter, live: true, signal })) {
        check.add(page, known);
        known = eventsOf(run).length;
      }
    } catch (error) {
      if (!signal.aborted) throw error;
    }
  })();
  reading.catch(() => undefined);
  const seenUpTo = async (count: number): Promise<void> => {
    const wanted = check.wanted(eventsOf(run).slice(0, count)).length;
    for (let n = 0; check.seen < wanted; n += 1) {
      if (n === 500) throw new Error(`the live read ${JSON.stringify(filter)} is at ${check.seen} of ${wanted}`);
      await Promise.race([sleep(20), reading]);
    }
  };
  return { reading, seenUpTo };
}

function eventsOf({ double, prefix }: Pick<Run, "double" | "prefix">): readonly LoggedEvent[] {
  return double.log.filter(
    ({ streamName, type }) =>
      streamName.startsWith(prefix) && !/^(?:\$|es:)/.test(streamName.slice(prefix.length)) && !type.startsWith("$"),
  );
}

function positionOf({ position }: LoggedEvent): string {
  const digits = String(position).padStart(20, "0");
  return `${digits}.${digits}`;
}

function randomFilter(random: Random): Pick<LogOptions, "filter"> {
  const chance = random();
  if (chance < 0.4) return {};
  if (chance < 0.6) return { filter: { types: ["Rare"] } };
  if (chance < 0.7) return { filter: { types: ["None"] } };
  if (chance < 0.8) return { filter: { types: ["Happened", "Mark"] } };
  return { filter: { categories: [pick(random, ["a", "b", "c", "none"])] } };
}

function randomSize(random: Random): { readonly limit?: number; readonly pageSize?: number } {
  const limit = random() < 0.8 ? {} : { limit: 1 + Math.floor(60 * random()) };
  const pageSize = random() < 0.5 ? {} : { pageSize: 1 + Math.floor(200 * random() ** 3) };
  return { ...limit, ...pageSize };
}

function pick<Item>(random: Random, items: readonly [Item, ...Item[]] | readonly Item[]): Item {
  const item = items[Math.floor(items.length * random())];
  if (item === undefined) throw new Error("there is nothing to choose from");
  return item;
}
