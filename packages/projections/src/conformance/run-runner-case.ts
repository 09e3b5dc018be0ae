import { ConfigurationError, type EventStore, type TransactionalEventStore } from "@es/core";
import { bounded, turnsUntil } from "./bounded.ts";
import { passOn } from "./changed-store.ts";
import type { RunnerCase, RunnerCaseContext } from "./runner-case.ts";
import type { OpenedRunnerStore, RunnerConformanceOptions } from "./runner-conformance-options.ts";
import { ownRunners, type RunnersUnderTest } from "./runners-under-test.ts";

const CASE_LIMIT_MS = 15_000;
const WAIT_LIMIT_MS = 5_000;

/** Whatever a case leaves running. */
interface Stoppable {
  stop(options?: { readonly timeoutMs?: number }): Promise<void>;
}

/** The time limit of a case on a store with these options, in milliseconds. */
export function runnerCaseLimitMs({ timeoutScale = 1 }: RunnerConformanceOptions): number {
  return CASE_LIMIT_MS * timeoutScale;
}

/**
 * Runs one case on a store of its own: resolves when the rule is kept, rejects with what happened instead. Needs no test runner
 * around it, so that the tests of the suite can watch a case fail.
 */
export async function runRunnerCase(runnerCase: RunnerCase, options: RunnerConformanceOptions): Promise<void> {
  const scale = options.timeoutScale ?? 1;
  const waitMs = WAIT_LIMIT_MS * scale;
  const opened: OpenedRunnerStore[] = [];
  const again: EventStore<unknown>[] = [];
  const running: Stoppable[] = [];
  const open = async (): Promise<OpenedRunnerStore> => {
    const one = await bounded(options.open(), "the fixture to open a store", waitMs * 4);
    opened.push(one);
    return one;
  };
  const closeAll = async (): Promise<void> => {
    for (const runner of running) {
      // How it ends is the case's own concern; that it ends is not.
      const stopped = runner.stop({ timeoutMs: waitMs }).catch(() => undefined);
      await bounded(stopped, "a runner to stop", waitMs * 2);
    }
    for (const store of [...again, ...opened.map((one) => one.store)]) {
      await bounded(Promise.resolve(store[Symbol.asyncDispose]()), "the store to close", waitMs);
    }
    for (const { close } of opened) {
      if (close !== undefined) await bounded(close(), "the fixture to remove its data", waitMs * 4);
    }
  };

  try {
    const first = await open();
    const context: RunnerCaseContext = {
      store: first.store,
      declares: options.declares,
      runners: watched(options.runners ?? ownRunners, running),
      transactional: () => transactional(first),
      openOther: async () => (await open()).store,
      openAgain: async () => {
        if (first.openAgain === undefined) {
          throw new ConfigurationError("the fixture has no openAgain, which a shared or durable store must have");
        }
        const one = await bounded(first.openAgain(), "the fixture to open the store again", waitMs * 4);
        again.push(one);
        return one;
      },
      within: (promise, what) => bounded(promise, what, waitMs),
      until: (isTrue, what) => turnsUntil(isTrue, what, waitMs),
    };
    await bounded(runnerCase.run(context), `case ${runnerCase.id} to end`, runnerCaseLimitMs(options));
  } catch (error) {
    // What the case found is the news; a store that is already wrong may well fail to close too.
    await closeAll().catch(() => undefined);
    throw error;
  }
  await closeAll();
}

/** Runners that are noted when they are made. */
function watched(runners: RunnersUnderTest, running: Stoppable[]): RunnersUnderTest {
  const note = <Runner extends Stoppable>(runner: Runner): Runner => {
    running.push(runner);
    return runner;
  };
  return {
    atLeastOnce: (projection, options) => note(runners.atLeastOnce(projection, options)),
    exactlyOnce: (projection, options) => note(runners.exactlyOnce(projection, options)),
    shared: (projection, options) => note(runners.shared(projection, options)),
    sharedExactlyOnce: (projection, options) => note(runners.sharedExactlyOnce(projection, options)),
    processManager: (manager, options) => note(runners.processManager(manager, options)),
  };
}

/** A store with the transactions that its fixture runs. */
function transactional({ store, transaction }: OpenedRunnerStore): TransactionalEventStore<unknown> {
  if (transaction === undefined) {
    throw new ConfigurationError("the fixture has no transaction, which a store with transactions must have");
  }
  return {
    ...passOn(store),
    async transaction(work) {
      const outcomes: { readonly result: Awaited<ReturnType<typeof work>> }[] = [];
      await transaction(async (tx) => {
        outcomes.push({ result: await work(tx) });
      });
      const [outcome] = outcomes;
      if (outcome === undefined) throw new ConfigurationError("the fixture's transaction did not call its work");
      return outcome.result;
    },
  };
}
