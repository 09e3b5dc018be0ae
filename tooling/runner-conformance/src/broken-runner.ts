import type { EventStore } from "@es/core";
import type { RunnerConformanceOptions, RunnersUnderTest } from "@es/projections/conformance";
import { memoryOptions } from "./memory.ts";
import { ownRunners } from "./own-runners.ts";
import { sqliteOptions } from "./sqlite.ts";

/** Runners, or a store below them, with one deliberate fault. */
export interface BrokenRunners {
  /** What goes wrong. */
  readonly fault: string;
  /** Ids of the cases that must fail on it. */
  readonly rejectedBy: readonly string[];
  /** The store that they run over. @defaultValue `"memory"` */
  readonly base?: "memory" | "sqlite";
  /** Puts the fault into the runners. */
  readonly breakRunners?: (runners: RunnersUnderTest) => RunnersUnderTest;
  /** Puts the fault into every instance of the store that a case opens. */
  readonly breakStore?: (store: EventStore<unknown>) => EventStore<unknown>;
}

/** Options that run the suite on what is right, and on what is broken. */
export function optionsOfBoth({ base = "memory", breakRunners, breakStore = (store) => store }: BrokenRunners): {
  readonly right: RunnerConformanceOptions;
  readonly broken: RunnerConformanceOptions;
} {
  const right = base === "memory" ? memoryOptions : sqliteOptions;
  const broken: RunnerConformanceOptions = {
    ...right,
    open: async () => {
      const opened = await right.open();
      const { openAgain } = opened;
      return {
        ...opened,
        store: breakStore(opened.store),
        ...(openAgain === undefined ? {} : { openAgain: async () => breakStore(await openAgain()) }),
      };
    },
    // What hangs is not worth waiting for.
    timeoutScale: base === "memory" ? 0.06 : 0.2,
  };
  return { right, broken: breakRunners === undefined ? broken : { ...broken, runners: breakRunners(ownRunners) } };
}
