import { isEventSourcingError, type RecordedEvent } from "@es/core";
import type { BrokenStore } from "../broken-store.ts";
import { changeLogReads, delegate, forever, pause } from "../delegate.ts";

/** Stores that get the hand-over from stored to new events, or the end of a live read, wrong. */
export const brokenLiveReads: readonly BrokenStore[] = [
  {
    fault: "says nothing about an empty store until its first event",
    rejectedBy: ["live.empty-store"],
    breakStore: (store) =>
      changeLogReads(store, async function* (read, options) {
        for await (const page of read()) if (options.live !== true || page.next !== "") yield page;
      }),
  },
  {
    fault: "drops the first event after the hand-over",
    rejectedBy: ["live.existing-then-new", "live.empty-store", "concurrency.live-readers"],
    breakStore: (store) =>
      changeLogReads(store, async function* (read, options) {
        let wasCaughtUp = false;
        for await (const page of read()) {
          yield wasCaughtUp && options.live === true ? { ...page, events: page.events.slice(1) } : page;
          wasCaughtUp = page.isCaughtUp;
        }
      }),
  },
  {
    fault: "delivers the last stored event again when it goes live",
    rejectedBy: ["live.existing-then-new", "concurrency.live-readers", "live.independent-readers"],
    breakStore: (store) =>
      changeLogReads(store, async function* (read, options) {
        let last: readonly RecordedEvent[] = [];
        for await (const page of read()) {
          yield options.live === true ? { ...page, events: [...last, ...page.events] } : page;
          last = page.isCaughtUp ? page.events.slice(-1) : [];
        }
      }),
  },
  {
    fault: "delivers each commit of a busy moment in reverse",
    rejectedBy: ["concurrency.live-readers", "live.existing-then-new"],
    breakStore: (store) =>
      changeLogReads(store, async function* (read, options) {
        for await (const page of read())
          yield options.live === true ? { ...page, events: page.events.toReversed() } : page;
      }),
  },
  {
    fault: "begins a live read at the start, whatever `after` says",
    rejectedBy: ["live.from-head"],
    breakStore: (store) =>
      changeLogReads(store, (read, options) => read(options.live === true ? { ...options, after: "" } : options)),
  },
  {
    fault: "begins a live read at the head",
    rejectedBy: ["live.existing-then-new", "live.from-head"],
    breakStore: (store) =>
      changeLogReads(store, async function* (read, options) {
        yield* read(options.live === true ? { ...options, after: await store.head() } : options);
      }),
  },
  {
    fault: "says once only that it is caught up",
    rejectedBy: ["live.caught-up-each-time"],
    breakStore: (store) =>
      changeLogReads(store, async function* (read) {
        let isSaid = false;
        for await (const page of read()) {
          yield isSaid ? { ...page, isCaughtUp: false } : page;
          isSaid ||= page.isCaughtUp;
        }
      }),
  },
  {
    fault: "gives no page for commits that the filter leaves out",
    rejectedBy: ["live.filter"],
    breakStore: (store) =>
      changeLogReads(store, async function* (read, options) {
        let isFirst = true;
        for await (const page of read()) {
          if (isFirst || options.live !== true || page.events.length > 0) yield page;
          isFirst = false;
        }
      }),
  },
  {
    fault: "ends all live reads when one ends",
    rejectedBy: ["live.independent-readers", "lifecycle.abort-is-for-one-call"],
    breakStore: (store) => {
      const ended = new AbortController();
      return changeLogReads(store, async function* (read, options) {
        if (options.live !== true) return yield* read();
        const signals = options.signal === undefined ? [ended.signal] : [ended.signal, options.signal];
        try {
          yield* read({ ...options, signal: AbortSignal.any(signals) });
        } finally {
          ended.abort();
        }
      });
    },
  },
  {
    fault: "ignores the limit of a live read",
    rejectedBy: ["live.limit"],
    breakStore: (store) =>
      changeLogReads(store, (read, { limit, ...options }) =>
        read(limit === undefined || options.live === true ? options : { ...options, limit }),
      ),
  },
  {
    fault: "ignores the signal of a live read",
    rejectedBy: ["live.abort-while-waiting", "live.abort-between-pages", "lifecycle.abort-is-for-one-call"],
    breakStore: (store) =>
      changeLogReads(store, (read, { signal, ...options }) =>
        read(signal === undefined || options.live === true ? options : { ...options, signal }),
      ),
  },
  {
    fault: "ends an aborted live read as if all had been well",
    rejectedBy: ["live.abort-while-waiting", "live.abort-between-pages"],
    breakStore: (store) =>
      changeLogReads(store, async function* (read) {
        try {
          yield* read();
        } catch (error) {
          if (!isEventSourcingError(error, "ES_ABORTED")) throw error;
        }
      }),
  },
  {
    fault: "waits for the next event before it lets a reader leave",
    rejectedBy: ["live.break"],
    breakStore: (store) =>
      changeLogReads(store, async function* (read, options) {
        let isLeft = options.live === true;
        try {
          for await (const page of read()) {
            yield page;
          }
          isLeft = false;
        } finally {
          if (isLeft) await forever();
        }
      }),
  },
  {
    fault: "wakes live reads of the instance that appended only",
    rejectedBy: ["live.other-instance", "reopen.writers-in-both"],
    base: "shared",
    breakStore: (store) => {
      const own = new Set<string>();
      const recording = delegate(store, {
        append: async (writes, options) => {
          for (const { id } of [writes].flat().flatMap(({ events }) => events)) own.add(id ?? "");
          return store.append(writes, options);
        },
      });
      return changeLogReads(recording, async function* (read, options) {
        for await (const page of read()) {
          yield options.live === true ? { ...page, events: page.events.filter(({ id }) => own.has(id)) } : page;
        }
      });
    },
  },
  {
    fault: "shows the newest event only a turn later",
    rejectedBy: ["concurrency.read-your-write"],
    breakStore: (store) => {
      let visible = "";
      const late = delegate(store, {
        append: async (writes, options) => {
          const result = await store.append(writes, options);
          void pause().then(() => {
            visible = result.position;
          });
          return result;
        },
      });
      return changeLogReads(late, async function* (read) {
        for await (const page of read())
          yield { ...page, events: page.events.filter(({ position }) => position <= visible) };
      });
    },
  },
  {
    fault: "shows an event of a slow writer only after later ones",
    rejectedBy: ["concurrency.nothing-appears-behind", "concurrency.cursor-follows"],
    breakStore: (store) => {
      const hidden = new Set<string>();
      let count = 0;
      const slow = delegate(store, {
        append: async (writes, options) => {
          const result = await store.append(writes, options);
          count += 1;
          if (count % 3 === 0) {
            hidden.add(result.position);
            await pause();
            await pause();
            hidden.delete(result.position);
          }
          await pause();
          return result;
        },
      });
      return changeLogReads(slow, async function* (read) {
        for await (const page of read())
          yield { ...page, events: page.events.filter(({ position }) => !hidden.has(position)) };
      });
    },
  },
];
