import {
  AbortedError,
  AppendTooLargeError,
  type Capabilities,
  type EventStore,
  StoreClosedError,
  UnsupportedError,
} from "@es/core";
import { prepareAppend } from "@es/core/adapter";
import type { ConformanceOptions, DeclaredCapabilities } from "@es/store-conformance";
import { createMemoryEventStore } from "@es/store-memory";
import { delegate } from "./delegate.ts";

/** Which right store a broken one is made of. */
export type Base = "memory" | "limited" | "shared";

const MEMORY: DeclaredCapabilities = {
  atomicStreams: Number.POSITIVE_INFINITY,
  maxEventsPerAppend: Number.POSITIVE_INFINITY,
  maxBytesPerAppend: Number.POSITIVE_INFINITY,
  conditions: "query",
  filter: "store",
  wakeUp: "push",
  transactions: false,
  shared: false,
  durability: "none",
};

const DECLARED: Readonly<Record<Base, DeclaredCapabilities>> = {
  memory: MEMORY,
  limited: { ...MEMORY, atomicStreams: 1, conditions: "none", maxEventsPerAppend: 25, maxBytesPerAppend: 5_000_000 },
  shared: { ...MEMORY, shared: true },
};

/** Options that run the kit on a right store, or on what `wrap` makes of each of its instances. */
export function optionsOf(base: Base, wrap: (store: EventStore) => EventStore = (store) => store): ConformanceOptions {
  return {
    declares: DECLARED[base],
    open: async () => {
      const memory = createMemoryEventStore();
      switch (base) {
        case "memory":
          return { store: wrap(memory) };
        case "limited":
          return { store: wrap(limitedStore(memory)) };
        case "shared":
          return { store: wrap(instanceOf(memory)), openAgain: async () => wrap(instanceOf(memory)) };
      }
    },
  };
}

/** A store for one stream at a time, without conditions and with narrow limits, as some backends are. */
function limitedStore(inner: EventStore): EventStore {
  const capabilities: Capabilities = {
    ...inner.capabilities,
    ...DECLARED.limited,
    gaps: {
      ...inner.capabilities.gaps,
      atomicStreams: "this store shows what a store must do that takes one stream at a time",
      conditions: "this store shows what a store must do that keeps no tags",
    },
  };
  return delegate(inner, {
    capabilities,
    append: async (writes, options) => {
      if (options?.if !== undefined) throw new UnsupportedError(`conditions: ${capabilities.gaps.conditions}`);
      prepareAppend(writes, capabilities);
      assertBytes(writes, capabilities.maxBytesPerAppend);
      return inner.append(writes, options);
    },
  });
}

function assertBytes(value: unknown, limit: number): void {
  const actual = Buffer.byteLength(JSON.stringify(value));
  if (actual > limit) throw new AppendTooLargeError({ unit: "bytes", limit, actual });
}

/** One of several instances on the same events, each of which closes by itself. */
function instanceOf(memory: EventStore): EventStore {
  const closing = new AbortController();
  const check = (): void => {
    if (closing.signal.aborted) throw new StoreClosedError();
  };
  return delegate(memory, {
    capabilities: { ...memory.capabilities, shared: true },
    registers: {
      get: async (key, options) => (check(), memory.registers.get(key, options)),
      set: async (key, value, options) => (check(), memory.registers.set(key, value, options)),
      delete: async (key, options) => (check(), memory.registers.delete(key, options)),
      async *keys(prefix, options) {
        check();
        yield* memory.registers.keys(prefix, options);
      },
    },
    append: async (writes, options) => (check(), memory.append(writes, options)),
    head: async (options) => (check(), memory.head(options)),
    identity: async (options) => (check(), memory.identity(options)),
    async *readStream(streamId, options) {
      check();
      for await (const events of memory.readStream(streamId, options)) {
        check();
        yield events;
      }
    },
    async *readAll(options = {}) {
      check();
      const signals = options.signal === undefined ? [closing.signal] : [closing.signal, options.signal];
      try {
        for await (const page of memory.readAll({ ...options, signal: AbortSignal.any(signals) })) {
          check();
          yield page;
        }
      } catch (error) {
        if (error instanceof AbortedError) check();
        throw error;
      }
    },
    [Symbol.asyncDispose]: async () => closing.abort(),
  });
}
