// Writes to a few streams until its standard input ends, and says before each append what it does, and after it how it ended.
import { type ExpectedVersion, isEventSourcingError } from "@es/core";
import { given, idsOf, say, writeOf } from "test-helpers";
import { type KurrentDbEventStoreOptions, openKurrentDbEventStore } from "../../src/index.ts";

/** A line of what this process says. */
export interface Said {
  readonly what: "ready" | "begun" | "stored" | "refused" | "unknown";
  readonly ids: readonly string[];
  readonly streamId?: string;
  readonly version?: number;
}

const WRITERS = 4;
const STREAMS = 8;

const { options, seed } = given<{ options: KurrentDbEventStoreOptions; seed: number }>();
await using store = await openKurrentDbEventStore(options);
const versions = new Map<string, number>();
let isStopped = false;
process.stdin.on("close", () => {
  isStopped = true;
});
process.stdin.resume();
say({ what: "ready", ids: [] } satisfies Said);
await Promise.all(Array.from({ length: WRITERS }, (_, n) => write(n)));

async function write(n: number): Promise<void> {
  for (let round = 0; !isStopped; round += 1) {
    const streamId = `s-${(seed + n * 3 + round) % STREAMS}`;
    const expected: ExpectedVersion = round % 3 === 0 ? "any" : (versions.get(streamId) ?? 0);
    await append(streamId, expected, (round % 3) + 1);
  }
}

async function append(streamId: string, expected: ExpectedVersion, count: number): Promise<void> {
  const one = writeOf(streamId, expected, count);
  const ids = idsOf(one);
  say({ what: "begun", ids } satisfies Said);
  for (let isUnknown = false; ; ) {
    try {
      const [version = 0] = (await store.append(one)).versions;
      versions.set(streamId, version);
      return say({ what: "stored", ids, streamId, version } satisfies Said);
    } catch (error) {
      if (!isEventSourcingError(error)) throw error;
      if (isEventSourcingError(error, "ES_CONCURRENCY")) versions.set(streamId, error.actual);
      isUnknown ||= error.code === "ES_UNKNOWN_OUTCOME";
      // "any" names no place where a repetition would be recognised.
      if (isUnknown && expected === "any") return say({ what: "unknown", ids } satisfies Said);
      if (!isUnknown || error.code === "ES_CONCURRENCY") return say({ what: "refused", ids } satisfies Said);
    }
  }
}
