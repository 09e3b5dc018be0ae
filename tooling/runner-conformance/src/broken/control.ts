import type { BrokenRunners } from "../broken-runner.ts";
import { changeFeed } from "../delegate.ts";
import { overProjection } from "../own-runners.ts";
import { changeCalls, wrapRunner } from "../wrap-runner.ts";

/** What can go wrong when runners are started, stopped, paused and waited for. */
export const brokenControls: readonly BrokenRunners[] = [
  {
    fault: "goes on although it is paused",
    rejectedBy: ["control.pause", "control.pause-while-busy"],
    breakRunners: changeCalls(() => ({ pause: async () => undefined, resume: () => undefined })),
  },
  {
    fault: "says that it is paused while a page is still being handled",
    rejectedBy: ["control.pause-while-busy"],
    breakRunners: changeCalls((inner) => ({
      pause: async () => {
        inner.pause().catch(() => undefined);
      },
    })),
  },
  {
    fault: "drops what comes while it is paused",
    rejectedBy: ["control.pause", "control.pause-while-busy"],
    breakRunners: (runners) => ({
      ...runners,
      atLeastOnce: (projection, options) => {
        let isPaused = false;
        const store = changeFeed(options.store, async function* (read) {
          for await (const page of read()) yield isPaused ? { ...page, events: [] } : page;
        });
        const inner = runners.atLeastOnce(projection, { ...options, store });
        return wrapRunner(inner, {
          pause: async () => {
            isPaused = true;
            await inner.pause();
          },
          resume: () => {
            isPaused = false;
            inner.resume();
          },
        });
      },
    }),
  },
  {
    fault: "does not finish the page at hand when it is stopped",
    rejectedBy: ["control.stop-drains"],
    breakRunners: changeCalls((inner) => ({
      stop: () => inner.stop({ timeoutMs: 0 }).catch(() => undefined),
    })),
  },
  {
    fault: "goes on with the page when its time is over",
    rejectedBy: ["control.stop-abandons"],
    breakRunners: overProjection((projection) => ({
      ...projection,
      apply: (events, context, progress) =>
        projection.apply(events, { ...context, signal: new AbortController().signal }, progress),
    })),
  },
  {
    fault: "goes on to the head before it stops",
    rejectedBy: ["control.stop-drains"],
    breakRunners: (runners) => ({
      ...runners,
      atLeastOnce: (projection, options) => {
        const inner = runners.atLeastOnce(projection, options);
        let isStopping = false;
        return wrapRunner(inner, {
          stop: async (stopping) => {
            isStopping = true;
            await inner.waitFor(await options.store.head()).catch(() => undefined);
            await inner.stop(stopping);
          },
          status: () => (isStopping ? { ...inner.status(), state: "stopping" } : inner.status()),
        });
      },
    }),
  },
  {
    fault: "waits for a handler for ever when it is stopped",
    rejectedBy: ["control.stop-deadline"],
    breakRunners: changeCalls((inner) => ({ stop: () => inner.stop({ timeoutMs: 1_000_000_000 }) })),
  },
  {
    fault: "says that it stopped in time when it did not",
    rejectedBy: ["control.stop-deadline"],
    breakRunners: changeCalls((inner) => ({ stop: (options) => inner.stop(options).catch(() => undefined) })),
  },
  {
    fault: "does not mind being started twice",
    rejectedBy: ["control.start-once"],
    breakRunners: changeCalls((inner) => ({ start: () => inner.start().catch(() => undefined) })),
  },
  {
    fault: "lets nobody wait",
    rejectedBy: ["control.wait-for", "follow.empty-store"],
    breakRunners: changeCalls(() => ({ waitFor: async () => undefined })),
  },
  {
    fault: "lets everybody wait for the head",
    rejectedBy: ["control.wait-for"],
    breakRunners: changeCalls((inner) => ({ waitFor: (position) => inner.waitFor(`${position}~`) })),
  },
  {
    fault: "lets callers wait without a limit",
    rejectedBy: ["control.wait-for"],
    breakRunners: changeCalls((inner) => ({
      waitFor: (position, { timeoutMs: _timeoutMs, ...options } = {}) => inner.waitFor(position, options),
    })),
  },
  {
    fault: "lets callers wait whose signal aborted",
    rejectedBy: ["control.wait-for"],
    breakRunners: changeCalls((inner) => ({
      waitFor: (position, { signal: _signal, ...options } = {}) => inner.waitFor(position, options),
    })),
  },
  {
    fault: "counts events that it does not read",
    rejectedBy: ["control.lag"],
    breakRunners: (runners) => ({
      ...runners,
      atLeastOnce: (projection, options) => {
        const whole = runners.atLeastOnce({ ...projection, filter: undefined }, options);
        return wrapRunner(runners.atLeastOnce(projection, options), { lag: (lag) => whole.lag(lag) });
      },
    }),
  },
  {
    fault: "goes on when it was stopped",
    rejectedBy: ["control.ends"],
    breakRunners: changeCalls(() => ({ stop: async () => undefined, done: Promise.resolve() })),
  },
  {
    fault: "never tells handlers that it has caught up",
    rejectedBy: ["control.context"],
    breakRunners: overProjection((projection) => ({
      ...projection,
      apply: (events, context, progress) => projection.apply(events, { ...context, isCatchingUp: true }, progress),
    })),
  },
];
