import { ConcurrencyError, type EventStore, isEventSourcingError, type Write } from "@es/core";
import type { BrokenStore } from "../broken-store.ts";
import { delegate, delegateRegisters, listOf, pause, versionOf } from "../delegate.ts";

const NUMBERED = ["concurrency.race-number", "concurrency.race-zero", "concurrency.race-no-stream"];
const OPEN = ["concurrency.race-any", "concurrency.race-stream-exists"];
const inBoth = (ids: readonly string[]): readonly string[] => ids.map((id) => `${id}-two-instances`);

/** Checks the expectation first and stores later, without holding anything in between. */
function checkThenStore(store: EventStore): EventStore {
  return delegate(store, {
    append: async (writes, options) => {
      for (const { streamId, expected } of listOf(writes)) {
        const actual = await versionOf(store, streamId);
        const isMet = expected === "no-stream" ? actual === 0 : typeof expected !== "number" || actual === expected;
        if (!isMet) throw new ConcurrencyError({ streamId, expected, actual });
      }
      await pause();
      const unchecked = listOf(writes).map((write): Write => ({ ...write, expected: "any" }));
      return store.append(unchecked, options);
    },
  });
}

/** Reads the version for a writer that does not care about it, and fails when another one was faster. */
function readThenStore(store: EventStore): EventStore {
  return delegate(store, {
    append: async (writes, options) => {
      const versioned = [];
      for (const write of listOf(writes)) {
        const isOpen = write.expected === "any" || write.expected === "stream-exists";
        versioned.push(isOpen ? { ...write, expected: await versionOf(store, write.streamId) } : write);
      }
      await pause();
      return store.append(versioned, options);
    },
  });
}

/** Stores that are right for one caller and wrong for several. */
export const brokenRaces: readonly BrokenStore[] = [
  {
    fault: "checks the version first and stores later",
    rejectedBy: NUMBERED,
    breakStore: checkThenStore,
  },
  {
    fault: "checks the version first and stores later, in each of several instances",
    rejectedBy: inBoth(NUMBERED),
    base: "shared",
    breakStore: checkThenStore,
  },
  { fault: 'lets "any" and "stream-exists" run into conflicts', rejectedBy: OPEN, breakStore: readThenStore },
  {
    fault: 'lets "any" and "stream-exists" of several instances run into conflicts',
    rejectedBy: inBoth(OPEN),
    base: "shared",
    breakStore: readThenStore,
  },
  {
    fault: "answers the losers of a race as if they had won",
    rejectedBy: [...NUMBERED, "concurrency.losers-retry"],
    breakStore: (store) =>
      delegate(store, {
        append: async (writes, options) => {
          try {
            return await store.append(writes, options);
          } catch (error) {
            if (!isEventSourcingError(error, "ES_CONCURRENCY")) throw error;
            return { position: await store.head(), versions: listOf(writes).map(() => 1), duplicate: false };
          }
        },
      }),
  },
  {
    fault: "lets writers of different streams run into conflicts",
    rejectedBy: ["concurrency.disjoint-streams"],
    breakStore: (store) => {
      let isBusy = false;
      return delegate(store, {
        append: async (writes, options) => {
          const [{ streamId, expected } = { streamId: "", expected: "any" as const }] = listOf(writes);
          if (isBusy) throw new ConcurrencyError({ streamId, expected, actual: await versionOf(store, streamId) });
          isBusy = true;
          try {
            await pause();
            return await store.append(writes, options);
          } finally {
            isBusy = false;
          }
        },
      });
    },
  },
  {
    fault: "checks a condition first and stores later",
    rejectedBy: ["boundary.never-overbooked", "boundary.one-winner", "boundary.overlapping"],
    breakStore: (store) =>
      delegate(store, {
        append: async (writes, { if: condition, ...options } = {}) => {
          if (condition !== undefined) {
            for await (const { events } of store.readAll({ after: condition.after, filter: condition.none })) {
              if (events.length > 0) return store.append(writes, { ...options, if: condition });
            }
          }
          await pause();
          return store.append(writes, options);
        },
      }),
  },
  {
    fault: "lets a condition fail on any newer event",
    rejectedBy: ["boundary.disjoint", "conditions.table", "conditions.read-and-append"],
    breakStore: (store) =>
      delegate(store, {
        append: (writes, options = {}) =>
          store.append(writes, options.if === undefined ? options : { ...options, if: { ...options.if, none: {} } }),
      }),
  },
  {
    fault: "compares a register first and sets it later",
    rejectedBy: ["registers.one-winner", "registers.counter"],
    breakStore: (store) =>
      delegateRegisters(store, {
        set: async (key, value, { expected, ...options } = {}) => {
          const current = (await store.registers.get(key))?.revision ?? 0;
          if (expected !== undefined && expected !== current) return undefined;
          await pause();
          return store.registers.set(key, value, options);
        },
      }),
  },
];
