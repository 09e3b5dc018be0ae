import { type AppendResult, type EventStore, isEventSourcingError, type RecordedEvent, type Write } from "@es/core";
import { expect } from "vitest";
import { writeOf } from "./new-write.ts";
import { readLog } from "./read-log.ts";

const STREAMS = 20;

/** Writers that go on through every fault, and keep what each append ended with. */
export class FaultLoad {
  readonly acknowledged = new Map<Write, AppendResult>();
  /** Appends that ended with an error which says that nothing was written. */
  readonly refused: Write[] = [];
  /** Appends that ended with an unknown outcome and were not repeated: stored once, or not at all. */
  readonly undetermined: Write[] = [];
  /** Errors by their codes. */
  readonly errors = new Map<string, number>();
  readonly #versions = new Map<string, number>();
  readonly #running: Promise<void>[];
  #isStopped = false;
  #failure: unknown;

  constructor(stores: readonly EventStore[], writers: number) {
    this.#running = Array.from({ length: writers }, async (_, n) => {
      const store = stores[n % stores.length];
      if (store === undefined) return;
      await this.#write(store, n).catch((error: unknown) => {
        this.#failure ??= error;
        this.#isStopped = true;
      });
    });
  }

  /** Resolves once so many further appends were acknowledged. */
  async progress(count: number): Promise<void> {
    const target = this.acknowledged.size + count;
    const end = performance.now() + 20_000;
    while (this.acknowledged.size < target) {
      if (this.#failure !== undefined) throw this.#failure;
      if (performance.now() > end) throw new Error(`waited in vain for ${count} more acknowledged appends`);
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  }

  async stop(): Promise<void> {
    this.#isStopped = true;
    await Promise.all(this.#running);
    if (this.#failure !== undefined) throw this.#failure;
  }

  /** Compares what the writers were told with what is stored. */
  async reconcile(store: EventStore): Promise<readonly RecordedEvent[]> {
    const log = await readLog(store);
    const stored = new Map(log.map((event) => [event.id, event]));
    expect(stored.size, "no event is stored twice").toBe(log.length);
    const versions = new Map<string, number>();
    for (const { streamId, version } of log) {
      expect(version, `order of ${streamId}`).toBe((versions.get(streamId) ?? 0) + 1);
      versions.set(streamId, version);
    }
    let acknowledged = 0;
    for (const [
      { events },
      {
        position,
        versions: [last = 0],
      },
    ] of this.acknowledged) {
      acknowledged += events.length;
      const found = events.map(({ id }) => stored.get(id ?? ""));
      expect(found.at(-1)?.position, "an acknowledged append is stored where it was said").toBe(position);
      expect(found.map((event) => event?.version)).toStrictEqual(events.map((_, i) => last - events.length + 1 + i));
    }
    for (const { events } of this.refused) {
      for (const { id } of events) expect(stored.has(id ?? ""), "a refused append is not stored").toBe(false);
    }
    for (const { events } of this.undetermined) {
      const found = events.filter(({ id }) => stored.has(id ?? ""));
      if (found.length > 0) expect(found, "an append is stored whole").toHaveLength(events.length);
      acknowledged += found.length;
    }
    expect(log, "nothing else is stored").toHaveLength(acknowledged);
    return log;
  }

  async #write(store: EventStore, n: number): Promise<void> {
    for (let round = 0; !this.#isStopped; round += 1) {
      const streamId = `s-${(n * 7 + round) % STREAMS}`;
      const expected = round % 3 === 0 ? "any" : (this.#versions.get(streamId) ?? 0);
      await this.#append(store, writeOf(streamId, expected, (round % 3) + 1));
    }
  }

  /** Repeats an append for as long as its outcome is unknown, as a caller should. */
  async #append(store: EventStore, write: Write): Promise<void> {
    for (let isUnknown = false; ; ) {
      try {
        const result = await store.append(write);
        this.acknowledged.set(write, result);
        this.#versions.set(write.streamId, result.versions[0] ?? 0);
        return;
      } catch (error) {
        if (!isEventSourcingError(error)) throw error;
        this.errors.set(error.code, (this.errors.get(error.code) ?? 0) + 1);
        if (isEventSourcingError(error, "ES_UNKNOWN_OUTCOME")) {
          // "any" names no place, so a repetition could store it twice; and as long as the first may be under way, looking it
          // up would not help either.
          if (write.expected === "any") {
            this.undetermined.push(write);
            return;
          }
          isUnknown = true;
          continue;
        }
        // That this repetition was not written says nothing about the append before it.
        if (isUnknown && isEventSourcingError(error, "ES_STORE_UNAVAILABLE")) continue;
        if (isEventSourcingError(error, "ES_CONCURRENCY")) this.#versions.set(write.streamId, error.actual);
        else if (error.code !== "ES_STORE_UNAVAILABLE") throw error;
        this.refused.push(write);
        return;
      }
    }
  }
}
