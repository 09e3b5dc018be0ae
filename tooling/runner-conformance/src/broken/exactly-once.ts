import type { CheckpointedSink } from "@es/projections";
import type { RunnersUnderTest } from "@es/projections/conformance";
import { createMemoryEventStore } from "@es/store-memory";
import type { BrokenRunners } from "../broken-runners.ts";
import { delegate, delegateRegisters } from "../delegate.ts";

/** Runners whose transactions do something else. */
function overSink(
  change: (sink: CheckpointedSink<unknown>) => CheckpointedSink<unknown>,
): (runners: RunnersUnderTest) => RunnersUnderTest {
  return (runners) => ({
    ...runners,
    exactlyOnce: (projection, options) => runners.exactlyOnce(projection, { ...options, sink: change(options.sink) }),
    sharedExactlyOnce: (projection, options) =>
      runners.sharedExactlyOnce(projection, { ...options, sink: change(options.sink) }),
    processManager: (manager, options) => {
      const { store } = options;
      const { transaction } = change(store);
      return runners.processManager(manager, { ...options, store: { ...delegate(store, {}), transaction } });
    },
  });
}

/** Commits what a handler wrote before it failed. */
function committing(sink: CheckpointedSink<unknown>): CheckpointedSink<unknown> {
  return {
    registers: sink.registers,
    async transaction(work, options) {
      let failure: { readonly error: unknown } | undefined;
      const results = await sink.transaction(async (tx) => {
        try {
          return [await work(tx)];
        } catch (error) {
          failure = { error };
          return [];
        }
      }, options);
      for (const result of results) return result;
      throw failure?.error;
    },
  };
}

/** Checkpoints that do not take part in the transaction, and are gone with the runner. */
function apart({ transaction }: CheckpointedSink<unknown>): CheckpointedSink<unknown> {
  const memory = createMemoryEventStore();
  const { registers } = delegateRegisters<unknown>(memory, {
    set: (key, value, { tx: _tx, ...options } = {}) => memory.registers.set(key, value, options),
    get: (key, { tx: _tx, ...options } = {}) => memory.registers.get(key, options),
  });
  return { registers, transaction };
}

/** What can go wrong with effects in transactions. */
export const brokenTransactions: readonly BrokenRunners[] = [
  {
    fault: "commits what a handler wrote before it failed",
    rejectedBy: ["exactly-once.rollback", "exactly-once.faults"],
    base: "sqlite",
    breakRunners: overSink(committing),
  },
  {
    fault: "keeps its checkpoint apart from its effects",
    rejectedBy: ["exactly-once.restart", "exactly-once.rollback", "exactly-once.leases"],
    base: "sqlite",
    breakRunners: overSink(apart),
  },
  {
    fault: "repeats a transaction until somebody says that it was committed",
    rejectedBy: ["exactly-once.lost-commit"],
    base: "sqlite",
    breakRunners: overSink((sink) => ({
      registers: delegateRegisters(sinkStore(sink), {
        set: (key, value, { expected: _expected, ...options } = {}) => sink.registers.set(key, value, options),
      }).registers,
      transaction: (work, options) => {
        const once = () => sink.transaction(work, options);
        return once().catch(once).catch(once);
      },
    })),
  },
  {
    fault: "writes its checkpoint over that of the runner that overtook it",
    rejectedBy: ["exactly-once.fencing"],
    base: "sqlite",
    breakRunners: overSink((sink) => ({
      transaction: (work, options) => sink.transaction(work, options),
      registers: delegateRegisters(sinkStore(sink), {
        set: (key, value, { expected: _expected, ...options } = {}) => sink.registers.set(key, value, options),
      }).registers,
    })),
  },
];

/** Something with the registers of a sink, for those that change registers of a store. */
function sinkStore({ registers }: CheckpointedSink<unknown>) {
  return delegate<unknown>(createMemoryEventStore(), { registers });
}

/** What can go wrong with process managers. */
export const brokenProcessManagers: readonly BrokenRunners[] = [
  {
    fault: "reacts to each event twice",
    rejectedBy: ["process-manager.reacts"],
    base: "sqlite",
    breakRunners: (runners) => ({
      ...runners,
      processManager: (manager, options) =>
        runners.processManager(
          {
            ...manager,
            handle: async (event, unit) => {
              await manager.handle(event, unit);
              await manager.handle(event, unit);
            },
          },
          options,
        ),
    }),
  },
  {
    fault: "stores what a reaction led to although it failed",
    rejectedBy: ["process-manager.rollback"],
    base: "sqlite",
    breakRunners: (runners) => ({
      ...runners,
      processManager: (manager, options) =>
        runners.processManager(
          { ...manager, handle: (event, unit) => manager.handle(event, unit).catch(() => undefined) },
          options,
        ),
    }),
  },
  {
    fault: "runs over a store without transactions, at least once",
    rejectedBy: ["process-manager.refused"],
    breakRunners: (runners) => ({
      ...runners,
      processManager: ({ name, filter, from }, options) =>
        runners.atLeastOnce(
          {
            name,
            filter,
            from,
            delivery: { guarantee: "at-least-once" },
            isSingle: true,
            apply: async () => undefined,
          },
          options,
        ),
    }),
  },
];
