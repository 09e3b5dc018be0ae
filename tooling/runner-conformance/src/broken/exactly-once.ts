import type { Register } from "@es/core";
import type { CheckpointedSink } from "@es/projections";
import type { RunnersUnderTest } from "@es/projections/conformance";
import { createMemoryEventStore } from "@es/store-memory";
import type { BrokenRunners } from "../broken-runner.ts";
import { blindRegisters, delegate, delegateRegisters } from "../delegate.ts";

/** Runners whose transactions do something else. */
function overSink(
  change: (sink: CheckpointedSink<unknown>) => CheckpointedSink<unknown>,
): (runners: RunnersUnderTest) => RunnersUnderTest {
  return (runners) => ({
    ...runners,
    exactlyOnce: (projection, options) => runners.exactlyOnce(projection, { ...options, sink: change(options.sink) }),
    sharedExactlyOnce: (projection, options) =>
      runners.sharedExactlyOnce(projection, { ...options, sink: change(options.sink) }),
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

/** Checkpoints that are remembered when a commit was answered, and not read again. */
function forgetful(sink: CheckpointedSink<unknown>): CheckpointedSink<unknown> {
  const known = new Map<string, Register>();
  const pending = new Map<string, Register>();
  const { registers } = sink;
  return {
    registers: {
      get: async (key, options) => known.get(key) ?? registers.get(key, options),
      set: async (key, value, { expected: _expected, ...options } = {}) => {
        const revision = await registers.set(key, value, options);
        if (revision !== undefined) (options.tx === undefined ? known : pending).set(key, { value, revision });
        return revision;
      },
      delete: (key, options) => registers.delete(key, options),
      keys: (prefix, options) => registers.keys(prefix, options),
    },
    async transaction(work, options) {
      pending.clear();
      const result = await sink.transaction(work, options);
      for (const [key, register] of pending) known.set(key, register);
      return result;
    },
  };
}

/** What can go wrong with effects in transactions. */
export const brokenTransactions: readonly BrokenRunners[] = [
  {
    fault: "commits what a handler wrote before it failed",
    rejectedBy: ["exactly-once.rollback", "exactly-once.faults", "exactly-once.parking"],
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
    fault: "takes what it committed for lost when the answer was lost",
    rejectedBy: ["exactly-once.lost-commit"],
    base: "sqlite",
    breakRunners: overSink(forgetful),
  },
  {
    fault: "writes its checkpoint over that of the runner that overtook it",
    rejectedBy: ["exactly-once.fencing"],
    base: "sqlite",
    breakRunners: overSink((sink) => ({
      transaction: (work, options) => sink.transaction(work, options),
      registers: blindRegisters(sink.registers),
    })),
  },
];

/** What can go wrong with time-outs. */
export const brokenTimeouts: readonly BrokenRunners[] = [
  {
    fault: "forgets a time-out whose first attempt failed",
    rejectedBy: ["timeouts.due"],
    breakRunners: (runners) => ({
      ...runners,
      processManager: (manager, options) =>
        runners.processManager(
          { ...manager, expire: (event, key, unit) => manager.expire(event, key, unit).catch(() => undefined) },
          options,
        ),
    }),
  },
  {
    fault: "does not look for events that were stored before a time-out was due",
    rejectedBy: ["timeouts.late-news"],
    breakRunners: (runners) => ({
      ...runners,
      processManager: (manager, options) =>
        runners.processManager(manager, { ...options, store: delegate(options.store, { head: async () => "" }) }),
    }),
  },
];

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
    fault: "reacts again to what it had reacted to before a crash",
    rejectedBy: ["process-manager.crash", "process-manager.paused"],
    breakRunners: (runners) => ({
      ...runners,
      processManager: (manager, options) =>
        runners.atLeastOnce(
          {
            name: manager.name,
            filter: manager.filter,
            from: manager.from,
            delivery: { guarantee: "at-least-once" },
            isSingle: true,
            apply: async (events, _context, progress) => {
              for (const event of events) {
                await manager.handle(event, {
                  load: (repository, id) => repository.loadOrCreate(id),
                  execute: async (repository, id, command) => void (await repository.execute(id, command)),
                  schedule: () => undefined,
                  cancel: () => undefined,
                });
                progress.handled += 1;
              }
            },
          },
          options,
        ),
    }),
  },
];
