import type { BenchCase, Targets } from "./bench-case.ts";
import { ORDER_EVENT_TYPES, orderEventList, orderStream } from "./order.ts";
import type { Outcome, Subject } from "./subject.ts";

const LOAD_1000 = { ratio: 0.8 };
const CATCH_UP = { ratio: 0.5 };
/** An overhead of 15 %. */
const KURRENTDB = { ratio: 1 / 1.15 };
const CATCH_UP_POSTGRES = { ratio: 0.8 };
const LOG_EVENTS = 100_000;
/** Events of the log that projections catch up with. */
export const PROJECTED_EVENTS = 200_000;
/** As many as the double of KurrentDB takes in a few seconds. */
const FEW_PROJECTED_EVENTS = 20_000;
const SEED_BATCH = 1_000;
const SNAPSHOT_AT = 950;

const loads: Targets = { "sqlite-normal": LOAD_1000, "sqlite-full": LOAD_1000, postgres: LOAD_1000 };
const catchUps: Targets = { "sqlite-normal": CATCH_UP, "sqlite-full": CATCH_UP, postgres: CATCH_UP_POSTGRES };

const projections: Targets = {
  "memory-copies": CATCH_UP,
  "sqlite-normal": CATCH_UP,
  "sqlite-full": CATCH_UP,
  postgres: CATCH_UP,
  nats: CATCH_UP,
};

/** Loads and catch-up reads of a store that does not change. */
export const READ_CASES: readonly BenchCase[] = [
  loadStream(10, {}),
  loadStream(100, {}),
  loadStream(1_000, { ...loads, kurrentdb: KURRENTDB }),
  reading({
    id: "repository-load-1000",
    title: "repository load, 1,000 events, zod",
    eventsPerOperation: 1_000,
    targets: loads,
    seed: (subject) => seedStream(subject, orderStream("1"), 1_000),
    read: (subject) => subject.loadOrder("1"),
    result: 1_000,
  }),
  reading({
    id: "repository-load-1000-snapshot",
    title: `repository load, 1,000 events, zod, snapshot at ${SNAPSHOT_AT}`,
    eventsPerOperation: 1_000,
    targets: {},
    async seed(subject) {
      await seedStream(subject, orderStream("1"), SNAPSHOT_AT);
      await subject.takeSnapshot("1");
      await subject.append(orderStream("1"), SNAPSHOT_AT, orderEventList(1_000 - SNAPSHOT_AT, SNAPSHOT_AT));
    },
    read: (subject) => subject.loadOrderFromSnapshot("1"),
    result: 1_000,
  }),
  reading({
    id: "read-all-100000",
    title: "readAll (catch-up), 100,000 events",
    eventsPerOperation: LOG_EVENTS,
    targets: { ...catchUps, kurrentdb: KURRENTDB },
    seed: (subject) => seedLog(subject, LOG_EVENTS),
    read: (subject) => subject.readAll(),
    result: LOG_EVENTS,
  }),
  reading({
    id: "read-all-100000-filtered",
    title: "readAll, 100,000 events, 1 of 10 types wanted",
    eventsPerOperation: LOG_EVENTS / ORDER_EVENT_TYPES.length,
    targets: catchUps,
    seed: (subject) => seedLog(subject, LOG_EVENTS),
    read: (subject) => subject.readAll(ORDER_EVENT_TYPES[0]),
    result: LOG_EVENTS / ORDER_EVENT_TYPES.length,
  }),
  reading({
    id: "project-200000-count",
    title: "catch-up projection, 200,000 events, counting handler",
    eventsPerOperation: PROJECTED_EVENTS,
    targets: projections,
    seed: (subject) => seedLog(subject, PROJECTED_EVENTS),
    read: (subject) => subject.project(),
    result: PROJECTED_EVENTS,
  }),
  reading({
    id: "project-20000-count",
    title: "catch-up projection, 20,000 events, counting handler",
    eventsPerOperation: FEW_PROJECTED_EVENTS,
    targets: { kurrentdb: CATCH_UP },
    only: ["kurrentdb"],
    seed: (subject) => seedLog(subject, FEW_PROJECTED_EVENTS),
    read: (subject) => subject.project(),
    result: FEW_PROJECTED_EVENTS,
  }),
];

function loadStream(events: number, targets: Targets): BenchCase {
  return reading({
    id: `read-stream-${events}`,
    title: `readStream, ${events.toLocaleString("en")} events`,
    eventsPerOperation: events,
    targets,
    async seed(subject) {
      // Some neighbours, so that the stream has to be found.
      for (let id = 0; id < 20; id += 1) await seedStream(subject, orderStream(`${id}`), events);
    },
    read: (subject) => subject.readStream(orderStream("7")),
    result: events,
  });
}

interface Reading extends Pick<BenchCase, "id" | "title" | "eventsPerOperation" | "targets" | "only"> {
  seed(subject: Subject): Promise<void>;
  read(subject: Subject): Outcome<number>;
  /** What `read` must come to. */
  readonly result: number;
}

function reading({ read, result, ...rest }: Reading): BenchCase {
  return {
    ...rest,
    callers: 1,
    isWriting: false,
    prepare: (subject) => () => read(subject),
    async verify(subject) {
      const actual = await read(subject);
      if (actual !== result) throw new Error(`${rest.id} read ${actual} events, not ${result}`);
    },
  };
}

/** Fills a long log, one stream after the other. */
export async function seedLog(subject: Subject, events: number): Promise<void> {
  for (let stream = 0; stream < events / SEED_BATCH; stream += 1) {
    await subject.append(orderStream(`${stream}`), 0, orderEventList(SEED_BATCH));
  }
}

async function seedStream(subject: Subject, streamId: string, events: number): Promise<void> {
  await subject.append(streamId, 0, orderEventList(events));
}
