import type { Page, RecordedEvent } from "@es/core";
import type { BrokenRunners } from "../broken-runner.ts";
import { changeFeed, delegate } from "../delegate.ts";
import { changeEvents, overProjection, overStore } from "../own-runners.ts";

/** What can go wrong between catching up and being live. */
export const brokenFollowing: readonly BrokenRunners[] = [
  {
    fault: "skips the first event after the hand-over",
    rejectedBy: ["follow.hand-over", "follow.empty-store", "follow.filter"],
    breakRunners: overStore((store) =>
      changeFeed(store, async function* (read) {
        let wasCaughtUp = false;
        let isSkipped = false;
        for await (const page of read()) {
          const skips: boolean = wasCaughtUp && !isSkipped && page.events.length > 0;
          isSkipped ||= skips;
          yield skips ? { ...page, events: page.events.slice(1) } : page;
          wasCaughtUp = page.isCaughtUp;
        }
      }),
    ),
  },
  {
    fault: "handles the last stored event again after the hand-over",
    rejectedBy: ["follow.hand-over", "follow.busy-writer"],
    breakRunners: overStore((store) =>
      changeFeed(store, async function* (read) {
        let last: readonly RecordedEvent[] = [];
        for await (const page of read()) {
          yield page.events.length === 0 ? page : { ...page, events: [...last, ...page.events] };
          last = page.isCaughtUp ? page.events.slice(-1) : [];
        }
      }),
    ),
  },
  {
    fault: "handles the streams of a page one after the other",
    rejectedBy: ["follow.busy-writer"],
    breakRunners: changeEvents((events) => [...Map.groupBy(events, ({ streamId }) => streamId).values()].flat()),
  },
  {
    fault: "passes over what came while it was reading the last stored page",
    rejectedBy: ["follow.busy-writer"],
    breakRunners: overStore((store) =>
      changeFeed(store, async function* (read, { live, ...options }) {
        yield* read(options);
        await new Promise((resolve) => setImmediate(resolve));
        yield* read({ ...options, live: live ?? false, after: await store.head() });
      }),
    ),
  },
  {
    fault: "waits for a first event before it says that an empty store has none",
    rejectedBy: ["follow.empty-store"],
    breakRunners: overStore((store) =>
      changeFeed(store, async function* (read) {
        for await (const page of read()) if (page.events.length > 0) yield page;
      }),
    ),
  },
  {
    fault: "handles the events of a page at the same time",
    rejectedBy: ["follow.one-at-a-time"],
    breakRunners: overProjection((projection) => ({
      ...projection,
      apply: async (events, context, progress) => {
        await Promise.all(events.map((event) => projection.apply([event], context, { handled: 0 })));
        progress.handled = events.length;
      },
    })),
  },
  {
    fault: "looks at the categories of its filter only",
    rejectedBy: ["follow.filter"],
    breakRunners: overStore((store) =>
      changeFeed(store, (read, { filter, ...options }) => {
        const categories = filter !== undefined && "categories" in filter ? filter.categories : undefined;
        return read(categories === undefined ? options : { ...options, filter: { categories } });
      }),
    ),
  },
  {
    fault: "does not come over the events that it does not read",
    rejectedBy: ["follow.filter"],
    breakRunners: overStore((store) =>
      changeFeed(store, async function* (read) {
        for await (const page of read()) yield { ...page, next: page.events.at(-1)?.position ?? "" };
      }),
    ),
  },
  {
    fault: "reads as far ahead as it can",
    rejectedBy: ["follow.bounded"],
    breakRunners: overStore((store) =>
      changeFeed(store, async function* (read) {
        const pages: Page[] = [];
        let news = Promise.withResolvers<void>();
        const end = (async () => {
          for await (const page of read()) {
            pages.push(page);
            news.resolve();
          }
        })();
        end.catch(news.reject);
        for (;;) {
          await news.promise;
          news = Promise.withResolvers<void>();
          end.catch(news.reject);
          yield* pages.splice(0);
        }
      }),
    ),
  },
  {
    fault: "hears only of what its own instance appended",
    rejectedBy: ["follow.other-instance"],
    base: "sqlite",
    breakStore: (store) => {
      const own = new Set<string>();
      const recording = delegate(store, {
        append: async (writes, options) => {
          const result = await store.append(writes, options);
          own.add(result.position);
          return result;
        },
      });
      return changeFeed(recording, async function* (read, options) {
        for await (const page of read()) {
          if (options.live !== true || page.events.every(({ position }) => own.has(position))) yield page;
        }
      });
    },
  },
];
