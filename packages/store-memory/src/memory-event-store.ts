import { type Capabilities, type EventStore, type Position, START, StoreClosedError, UnsupportedError } from "@es/core";
import { formatPosition, prepareAppend, throwIfAborted, WakeUp } from "@es/core/adapter";
import { prepareCondition } from "./condition.ts";
import { EventLog } from "./event-log.ts";
import { createMemoryRegisters } from "./memory-registers.ts";
import { readLog } from "./read-log.ts";
import { readOneStream } from "./read-one-stream.ts";

/** Options of {@link createMemoryEventStore}. */
export interface MemoryEventStoreOptions {
  /** Gives `recordedAt`, in milliseconds since 1970 UTC. Order never depends on it. @defaultValue `Date.now` */
  readonly clock?: () => number;
}

/** An event store in the memory of one process. As strict as a durable one, and gone with the process. */
export interface MemoryEventStore extends EventStore<never> {}

const CAPABILITIES: Capabilities = {
  atomicStreams: Number.POSITIVE_INFINITY,
  maxEventsPerAppend: Number.POSITIVE_INFINITY,
  maxBytesPerAppend: Number.POSITIVE_INFINITY,
  transactions: false,
  conditions: "query",
  filter: "store",
  wakeUp: "push",
  durability: "none",
  shared: false,
  gaps: {
    transactions: "memory has no transactions that a caller's own statements could share",
    durability: "the events live in this process and end with it",
    shared: "other processes cannot see this process's memory",
  },
};

/**
 * Creates an empty store. Two stores share nothing.
 *
 * @example
 * ```ts
 * import { createMemoryEventStore } from "@es/store-memory";
 *
 * await using store = createMemoryEventStore();
 * await store.append({
 *   streamId: "user-42",
 *   expected: "no-stream",
 *   events: [{ type: "UserSignedUp", data: { name: "Ada" } }],
 * });
 * ```
 */
export function createMemoryEventStore(options: MemoryEventStoreOptions = {}): MemoryEventStore {
  const { clock = Date.now } = options;
  const log = new EventLog();
  const wakeUp = new WakeUp();
  const id = globalThis.crypto.randomUUID();
  let isClosed = false;

  const assertUsable = (call: { readonly signal?: AbortSignal; readonly tx?: unknown } | undefined): void => {
    if (isClosed) throw new StoreClosedError();
    if (call === undefined) return;
    throwIfAborted(call.signal);
    if (call.tx !== undefined)
      throw new UnsupportedError(`the call was given a transaction: ${CAPABILITIES.gaps.transactions}`);
  };

  return {
    capabilities: CAPABILITIES,
    registers: createMemoryRegisters(assertUsable),

    // Async only so that every refusal is a rejection; the body runs at once and to its end, which is what makes it atomic.
    async append(writes, call) {
      assertUsable(call);
      const prepared = prepareAppend(writes, CAPABILITIES);
      const condition = call?.if === undefined ? undefined : prepareCondition(call.if, log);
      const result = log.append(prepared, condition, clock);
      if (!result.duplicate) wakeUp.notify();
      return result;
    },

    readStream(streamId, call) {
      return readOneStream(log, streamId, call, assertUsable);
    },

    readAll(call) {
      return readLog(log, call, wakeUp, assertUsable);
    },

    async head(call): Promise<Position> {
      assertUsable(call);
      return log.length === 0 ? START : formatPosition(log.length);
    },

    async identity(call) {
      assertUsable(call);
      return id;
    },

    async [Symbol.asyncDispose]() {
      if (isClosed) return;
      isClosed = true;
      // Live reads wake, find the store closed and say so.
      wakeUp.notify();
    },
  };
}
