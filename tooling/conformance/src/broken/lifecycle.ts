import { AbortedError, type EventStore, isEventSourcingError, StoreClosedError } from "@es/core";
import type { BrokenStore } from "../broken-store.ts";
import { changeLogReads, changeStreamReads, delegate, forever, pause } from "../delegate.ts";

/** Stores that get closing or aborting wrong. */
export const brokenLifecycles: readonly BrokenStore[] = [
  {
    fault: "throws when it is closed twice",
    rejectedBy: ["lifecycle.close-unused"],
    breakStore: (store) => {
      let isClosed = false;
      return delegate(store, {
        [Symbol.asyncDispose]: async () => {
          if (isClosed) throw new StoreClosedError();
          isClosed = true;
        },
      });
    },
  },
  {
    fault: "works on after it was closed",
    rejectedBy: ["lifecycle.calls-after-close", "lifecycle.close-during-read"],
    breakStore: (store) => delegate(store, { [Symbol.asyncDispose]: async () => undefined }),
  },
  {
    fault: "hangs in every append after it was closed",
    rejectedBy: ["lifecycle.calls-after-close"],
    breakStore: (store) =>
      delegate(store, {
        append: async (writes, options) => {
          try {
            return await store.append(writes, options);
          } catch (error) {
            return isEventSourcingError(error, "ES_STORE_CLOSED") ? forever() : Promise.reject(error);
          }
        },
      }),
  },
  {
    fault: "leaves live reads waiting when it closes",
    rejectedBy: ["lifecycle.close-wakes-readers"],
    breakStore: (store) =>
      changeLogReads(store, async function* (read) {
        try {
          yield* read();
        } catch (error) {
          throw isEventSourcingError(error, "ES_STORE_CLOSED") ? await forever() : error;
        }
      }),
  },
  {
    fault: "ends live reads without an error when it closes",
    rejectedBy: ["lifecycle.close-wakes-readers"],
    breakStore: (store) =>
      changeLogReads(store, async function* (read) {
        try {
          yield* read();
        } catch (error) {
          if (!isEventSourcingError(error, "ES_STORE_CLOSED")) throw error;
        }
      }),
  },
  {
    fault: "forgets the appends that are under way when it closes",
    rejectedBy: ["lifecycle.close-during-appends"],
    breakStore: (store) => {
      let isClosed = false;
      return delegate(store, {
        append: async (writes, options) => {
          const result = await store.append(writes, options);
          await pause();
          return isClosed ? forever() : result;
        },
        [Symbol.asyncDispose]: async () => {
          isClosed = true;
          await store[Symbol.asyncDispose]();
        },
      });
    },
  },
  {
    fault: "ignores a signal that has aborted before the call",
    rejectedBy: ["lifecycle.aborted-before"],
    breakStore: (store) =>
      delegate(store, { append: (writes, { signal: _signal, ...options } = {}) => store.append(writes, options) }),
  },
  {
    fault: "looks at the signal of a read only when it begins",
    rejectedBy: ["lifecycle.abort-during-read"],
    breakStore: (store) => {
      const once = <Options extends { readonly signal?: AbortSignal }>({ signal, ...options }: Options): object => {
        signal?.throwIfAborted();
        return options;
      };
      return changeStreamReads(
        changeLogReads(store, (read, options) => read(once(options))),
        (read, options) => read(once(options)),
      );
    },
  },
  {
    fault: "says of an append that was stored that it was aborted",
    rejectedBy: ["lifecycle.abort-during-appends"],
    breakStore: (store) =>
      delegate(store, {
        append: async (writes, options) => {
          const result = await store.append(writes, options);
          await pause();
          if (options?.signal?.aborted === true) throw new AbortedError();
          return result;
        },
      }),
  },
  {
    fault: "throws what the signal carries instead of its own error",
    rejectedBy: ["lifecycle.aborted-before"],
    breakStore: (store) =>
      delegate(store, {
        head: async (options) => {
          options?.signal?.throwIfAborted();
          return store.head(options);
        },
      }),
  },
  {
    fault: "waits when it closes for live reads that were never begun",
    rejectedBy: ["lifecycle.unused-iterators"],
    breakStore: (store) => {
      let begun = 0;
      return delegate(store, {
        readAll: (options) => {
          if (options?.live === true) begun += 1;
          return store.readAll(options);
        },
        [Symbol.asyncDispose]: async () => {
          if (begun > 0) await forever();
          await store[Symbol.asyncDispose]();
        },
      });
    },
  },
];

const closedOnes = new WeakSet<object>();

/** Stores that are right alone and wrong with a second instance, or after a restart. */
export const brokenInstances: readonly BrokenStore[] = [
  {
    fault: "hides the newest event from every second instance",
    rejectedBy: ["reopen.events", "reopen.two-instances"],
    base: "shared",
    breakStore: everySecond((store) =>
      changeLogReads(store, async function* (read) {
        const head = await store.head();
        for await (const page of read()) {
          yield { ...page, events: page.events.filter(({ position }) => position !== head) };
        }
      }),
    ),
  },
  {
    fault: "recognises repetitions of its own instance only",
    rejectedBy: ["reopen.retry"],
    base: "shared",
    breakStore: (store) => {
      const own = new Set<string | undefined>();
      return delegate(store, {
        append: async (writes, options) => {
          const ids = [writes].flat().flatMap(({ events }) => events.map(({ id }) => id));
          const result = await store.append(writes, options);
          if (result.duplicate && !ids.every((id) => own.has(id))) return { ...result, duplicate: false };
          for (const id of ids) own.add(id);
          return result;
        },
      });
    },
  },
  {
    fault: "keeps registers in the instance",
    rejectedBy: ["reopen.registers", "reopen.two-instances"],
    base: "shared",
    breakStore: (store) => {
      const own = new Set<string>();
      const { registers } = store;
      return delegate(store, {
        registers: {
          get: async (key, options) => (own.has(key) ? registers.get(key, options) : undefined),
          set: (key, value, options) => {
            own.add(key);
            return registers.set(key, value, options);
          },
          delete: (key, options) => registers.delete(key, options),
          keys: (prefix, options) => registers.keys(prefix, options),
        },
      });
    },
  },
  {
    fault: "draws an identity for each instance",
    rejectedBy: ["reopen.identity", "reopen.two-instances"],
    base: "shared",
    breakStore: (store) => {
      const id = globalThis.crypto.randomUUID();
      return delegate(store, { identity: async () => id });
    },
  },
  {
    fault: "closes the data with the first instance that closes",
    rejectedBy: ["reopen.close-one"],
    base: "shared",
    breakStore: closingTogether(),
  },
];

/** Puts the fault into the second, fourth, ... instance that is opened. */
function everySecond(breakStore: (store: EventStore) => EventStore): (store: EventStore) => EventStore {
  let count = 0;
  return (store) => {
    count += 1;
    return count % 2 === 0 ? breakStore(store) : store;
  };
}

/** Makes stores of which all stop working when one of them is closed. */
function closingTogether(): (store: EventStore) => EventStore {
  let newest: object = {};
  return (store) => {
    const before = newest;
    newest = store;
    return delegate(store, {
      append: async (writes, options) => {
        if (closedOnes.has(newest) || closedOnes.has(before)) throw new StoreClosedError();
        return store.append(writes, options);
      },
      [Symbol.asyncDispose]: async () => {
        closedOnes.add(store);
        await store[Symbol.asyncDispose]();
      },
    });
  };
}
