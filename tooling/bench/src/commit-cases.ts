import type { BenchCase } from "./bench-case.ts";
import { orderEvent, orderStream } from "./order.ts";
import type { Subject } from "./subject.ts";

const COMMITS = 1_000;
const STREAMS = 20;
const ONLY = ["nats"] as const;

/** What counts where an append is one message: reads of streams and of a log that were written by many appends of one event. */
export const COMMIT_CASES: readonly BenchCase[] = [
  {
    id: "read-stream-1000-commits",
    title: "readStream, 1,000 appends of 1 event",
    callers: 1,
    eventsPerOperation: COMMITS,
    targets: { nats: { ratio: 0.7 } },
    only: ONLY,
    isWriting: false,
    seed,
    prepare: (subject) => () => subject.readStream(orderStream("7")),
    verify: async (subject) => assertCount(await subject.readStream(orderStream("7")), COMMITS),
  },
  {
    id: "read-all-20000-commits",
    title: "readAll (catch-up), 20,000 appends of 1 event",
    callers: 1,
    eventsPerOperation: COMMITS * STREAMS,
    targets: { nats: { ratio: 0.7 } },
    only: ONLY,
    isWriting: false,
    seed,
    prepare: (subject) => () => subject.readAll(),
    verify: async (subject) => assertCount(await subject.readAll(), COMMITS * STREAMS),
  },
  {
    id: "live-latency",
    title: "live read: an append until its event is shown",
    callers: 1,
    eventsPerOperation: 1,
    targets: {},
    only: ONLY,
    isWriting: true,
    prepare: (subject, { run, turns }) => {
      const events = Array.from({ length: turns }, (_, turn) => orderEvent(turn));
      return (_caller, turn) => {
        const event = events[turn];
        return event === undefined ? undefined : subject.appendAndSee?.(orderStream(run), turn, event);
      };
    },
    async verify(subject, sizes) {
      for (const { run, turns } of sizes) assertCount(await subject.readStream(orderStream(run)), turns);
    },
  },
];

/** Streams that lie between each other. */
async function seed(subject: Subject): Promise<void> {
  for (let version = 0; version < COMMITS; version += 1) {
    const appends = Array.from({ length: STREAMS }, (_, id) =>
      subject.append(orderStream(String(id)), version, [orderEvent(version)]),
    );
    await Promise.all(appends);
  }
}

/** @throws Error when the counts differ */
export function assertCount(actual: number, expected: number): void {
  if (actual !== expected) throw new Error(`${actual} events were read, not ${expected}`);
}
