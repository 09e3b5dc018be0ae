import { ConfigurationError, type EventStore } from "@es/core";
import type { ConformanceCase, ConformanceContext } from "./conformance-case.ts";
import type { ConformanceOptions, OpenedStore } from "./conformance-options.ts";

const CASE_LIMIT_MS = 15_000;
const WAIT_LIMIT_MS = 5_000;
const DEFAULT_PROPERTY_RUNS = 25;

/** The time limit of a case on a store with these options, in milliseconds. */
export function caseLimitMs(conformanceCase: ConformanceCase, options: ConformanceOptions): number {
  return (conformanceCase.timeoutMs ?? CASE_LIMIT_MS) * (options.timeoutScale ?? 1);
}

/**
 * Runs one case on a store of its own: resolves when the store keeps the rule, rejects with what it did instead.
 * Needs no test runner around it, so that a kit's own tests can watch a case fail.
 */
export async function runConformanceCase(conformanceCase: ConformanceCase, options: ConformanceOptions): Promise<void> {
  const scale = options.timeoutScale ?? 1;
  const opened: OpenedStore[] = [];
  const again: EventStore<unknown>[] = [];
  const open = async (): Promise<OpenedStore> => {
    const one = await bounded(options.open(), "the fixture to open a store", WAIT_LIMIT_MS * 4 * scale);
    opened.push(one);
    return one;
  };

  try {
    const first = await open();
    const context: ConformanceContext = {
      store: first.store,
      declares: options.declares,
      propertyRuns: options.propertyRuns ?? DEFAULT_PROPERTY_RUNS,
      openOther: async () => (await open()).store,
      openAgain: async () => {
        if (first.openAgain === undefined) {
          throw new ConfigurationError("the fixture has no openAgain, which a shared or durable store must have");
        }
        const one = await bounded(first.openAgain(), "the fixture to open the store again", WAIT_LIMIT_MS * 4 * scale);
        again.push(one);
        return one;
      },
      transaction: async (work) => {
        if (first.transaction === undefined) {
          throw new ConfigurationError("the fixture has no transaction, which a store with transactions must have");
        }
        await first.transaction(work);
      },
      within: (promise, what) => bounded(promise, what, WAIT_LIMIT_MS * scale),
      until: (isTrue, what) => turnsUntil(isTrue, what, WAIT_LIMIT_MS * scale),
    };
    await bounded(
      conformanceCase.run(context),
      `case ${conformanceCase.id} to end`,
      caseLimitMs(conformanceCase, options),
    );
  } catch (error) {
    // What the case found is the news; a store that is already wrong may well fail to close too.
    await closeAll([...again, ...opened.map(({ store }) => store)], opened, scale).catch(() => undefined);
    throw error;
  }
  await closeAll([...again, ...opened.map(({ store }) => store)], opened, scale);
}

async function closeAll(
  stores: readonly EventStore<unknown>[],
  opened: readonly OpenedStore[],
  scale: number,
): Promise<void> {
  for (const store of stores) {
    await bounded(Promise.resolve(store[Symbol.asyncDispose]()), "the store to close", WAIT_LIMIT_MS * scale);
  }
  for (const { close } of opened) {
    if (close !== undefined) await bounded(close(), "the fixture to remove its data", WAIT_LIMIT_MS * 4 * scale);
  }
}

async function bounded<Result>(promise: Promise<Result>, what: string, limitMs: number): Promise<Result> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const limit = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(new Error(`waited ${limitMs} ms in vain for ${what}`)), limitMs);
  });
  try {
    return await Promise.race([promise, limit]);
  } finally {
    clearTimeout(timer);
  }
}

async function turnsUntil(isTrue: () => boolean, what: string, limitMs: number): Promise<void> {
  const end = performance.now() + limitMs;
  while (!isTrue()) {
    if (performance.now() > end) throw new Error(`waited ${limitMs} ms in vain for ${what}`);
    await new Promise<void>((resolve) => {
      setTimeout(resolve, 1);
    });
  }
}
