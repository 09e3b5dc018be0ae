import { createMemoryEventStore } from "@es/store-memory";
import type { RunnersUnderTest } from "@es/projections/conformance";
import type { Registers } from "@es/core";
import type { BrokenRunners } from "../broken-runner.ts";
import { delegateRegisters } from "../delegate.ts";
import { changeEvents, overStore } from "../own-runners.ts";
import { changeSharedCalls } from "../wrap-runner.ts";

/** Runners whose leases are kept in other registers than those of the store. */
function overLeases(
  change: (registers: Registers<unknown>) => Partial<Registers<unknown>>,
): (runners: RunnersUnderTest) => RunnersUnderTest {
  return (runners) => ({
    ...runners,
    shared: (projection, options) => {
      const leases = delegateRegisters(options.store, change(options.store.registers)).registers;
      return runners.shared(projection, { ...options, leases });
    },
  });
}

/** What can go wrong when processes share the work. */
export const brokenSharing: readonly BrokenRunners[] = [
  {
    fault: "gives the same lease to everybody",
    rejectedBy: ["shared.partitions", "shared.one-holder", "outbox.workers"],
    breakRunners: overLeases(() => createMemoryEventStore().registers),
  },
  {
    fault: "gives the same lease to each instance of the store",
    rejectedBy: ["shared.other-instance"],
    base: "sqlite",
    breakRunners: overLeases(() => createMemoryEventStore().registers),
  },
  {
    fault: "keeps its leases when it stops",
    rejectedBy: ["shared.hand-back"],
    breakRunners: overLeases((registers) => ({
      set: async (key, value, options) =>
        value.includes('"isReleased":true') ? 1 : registers.set(key, value, options),
    })),
  },
  {
    fault: "starts each partition when it is taken first",
    rejectedBy: ["shared.starts-now"],
    breakRunners: overStore((store) =>
      delegateRegisters(store, {
        get: async (key, options) => (key.startsWith("start:") ? undefined : store.registers.get(key, options)),
        set: async (key, value, { expected, ...options } = {}) =>
          key.startsWith("start:")
            ? store.registers.set(key, value, options)
            : store.registers.set(key, value, expected === undefined ? options : { ...options, expected }),
      }),
    ),
  },
  {
    fault: "leaves the page at hand when it stops",
    rejectedBy: ["shared.drains"],
    breakRunners: changeSharedCalls((inner) => ({ stop: () => inner.stop({ timeoutMs: 0 }).catch(() => undefined) })),
  },
  {
    fault: "never takes over from a process that is not heard of",
    rejectedBy: ["shared.take-over"],
    breakRunners: overLeases((registers) => {
      let looks = 0;
      return {
        get: async (key, options) => {
          const found = await registers.get(key, options);
          looks += 1;
          return found === undefined ? found : { ...found, revision: found.revision + looks / 1_000_000 };
        },
      };
    }),
  },
  {
    fault: "takes over at once",
    rejectedBy: ["shared.take-over", "shared.one-holder"],
    breakRunners: overLeases((registers) => ({
      get: async (key, options) => {
        const found = await registers.get(key, options);
        return found === undefined
          ? found
          : { ...found, value: found.value.replace('"isReleased":false', '"isReleased":true') };
      },
    })),
  },
  {
    fault: "begins anew in every partition when their number changes",
    rejectedBy: ["shared.split"],
    breakRunners: overStore((store) => delegateRegisters(store, { async *keys() {} })),
  },
  {
    fault: "replays what is held back in its first partition only",
    rejectedBy: ["shared.parking"],
    breakRunners: changeSharedCalls(() => ({ replayParked: async () => 0 })),
  },
  {
    fault: "publishes a page backwards",
    rejectedBy: ["outbox.delivery"],
    breakRunners: changeEvents((events) => events.toReversed()),
  },
];
