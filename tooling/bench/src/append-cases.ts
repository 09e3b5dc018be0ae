import type { BenchCase, Targets, WorkSize } from "./bench-case.ts";
import { orderEventList, orderStream } from "./order.ts";
import type { BenchEvent } from "./subject.ts";

const ONE_WRITER = { ratio: 0.85 };
const GROUP_COMMIT = 2.5;
/** An overhead of 15 %. */
const KURRENTDB = { ratio: 1 / 1.15 };
/** Within three times of a Map that copies: docs/adr/0005. */
const MEMORY = { ratio: 1 / 3 };

const oneWriter: Targets = {
  "memory-copies": MEMORY,
  "sqlite-normal": ONE_WRITER,
  "sqlite-full": ONE_WRITER,
  postgres: ONE_WRITER,
  nats: ONE_WRITER,
  kurrentdb: KURRENTDB,
};
const callersOnly: Targets = { "memory-copies": MEMORY, nats: ONE_WRITER, kurrentdb: KURRENTDB };

/** Appends: how many callers, how large a batch, one stream or many. */
export const APPEND_CASES: readonly BenchCase[] = [
  ownStreams({ callers: 1, batch: 1, targets: oneWriter }),
  ownStreams({ callers: 8, batch: 1, targets: callersOnly }),
  ownStreams({
    callers: 32,
    batch: 1,
    targets: {
      ...callersOnly,
      "sqlite-full": { ratio: GROUP_COMMIT },
      postgres: { ratio: GROUP_COMMIT, isP99Lower: true },
    },
  }),
  ownStreams({ callers: 128, batch: 1, targets: callersOnly }),
  ownStreams({ callers: 1, batch: 10, targets: oneWriter }),
  ownStreams({ callers: 1, batch: 100, targets: oneWriter }),
  hotStream(32),
  hotCommands(32),
];

/** Every caller appends to a stream of its own and names the version it expects. */
function ownStreams(shape: { readonly callers: number; readonly batch: number; readonly targets: Targets }): BenchCase {
  const { callers, batch, targets } = shape;
  return {
    id: `append-${callers}-callers-batch-${batch}`,
    title: `append, ${callersTitle(callers)}, ${batch === 1 ? "1 event" : `batches of ${batch}`}`,
    callers,
    eventsPerOperation: batch,
    targets,
    isWriting: true,
    prepare(subject, size) {
      const batches = prepareBatches(size, batch);
      return (caller, turn) => subject.append(streamOf(size, caller), turn * batch, batches[caller]?.[turn] ?? []);
    },
    async verify(subject, sizes) {
      for (const size of sizes) {
        for (let caller = 0; caller < size.callers; caller += 1) {
          assertCount(streamOf(size, caller), await subject.readStream(streamOf(size, caller)), size.turns * batch);
        }
      }
    },
  };
}

/** All callers append to one stream and expect nothing of it. */
function hotStream(callers: number): BenchCase {
  return {
    id: `append-hot-stream-${callers}-callers`,
    title: `append, ${callersTitle(callers)}, all to one stream ("any")`,
    callers,
    eventsPerOperation: 1,
    targets: callersOnly,
    isWriting: true,
    prepare(subject, size) {
      const batches = prepareBatches(size, 1);
      return (caller, turn) => subject.append(streamOf(size, 0), "any", batches[caller]?.[turn] ?? []);
    },
    async verify(subject, sizes) {
      for (const size of sizes) {
        assertCount(streamOf(size, 0), await subject.readStream(streamOf(size, 0)), size.callers * size.turns);
      }
    },
  };
}

/** All callers run commands against one stream: look at its version, append behind it, again when another was faster. */
function hotCommands(callers: number): BenchCase {
  return {
    ...hotStream(callers),
    id: `commands-hot-stream-${callers}-callers`,
    title: `commands, ${callersTitle(callers)}, all on one stream (load, expect, retry)`,
    targets: { postgres: { perSecond: 400 } },
    prepare(subject, size) {
      const batches = prepareBatches(size, 1);
      return (caller, turn) => {
        const event = batches[caller]?.[turn]?.[0];
        return event === undefined ? undefined : subject.command(streamOf(size, 0), event);
      };
    },
  };
}

/** By caller and turn. */
function prepareBatches(size: WorkSize, batch: number): readonly (readonly (readonly BenchEvent[])[])[] {
  return Array.from({ length: size.callers }, () =>
    Array.from({ length: size.turns }, (_, turn) => orderEventList(batch, turn * batch)),
  );
}

function streamOf(size: WorkSize, caller: number): string {
  return orderStream(`${size.run}-${caller}`);
}

function callersTitle(callers: number): string {
  return callers === 1 ? "1 caller" : `${callers} callers`;
}

function assertCount(what: string, actual: number, expected: number): void {
  if (actual !== expected) throw new Error(`${what} holds ${actual} events, not ${expected}`);
}
