import { isEventSourcingError, type Page } from "@es/core";
import type { BrokenStore } from "../broken-store.ts";
import { changeLogReads, collect, delegate } from "../delegate.ts";

/** A store that changes every page of the log. */
function changingPages(
  fault: string,
  rejectedBy: readonly string[],
  change: (page: Page, index: number) => Page | undefined,
): BrokenStore {
  return {
    fault,
    rejectedBy,
    breakStore: (store) =>
      changeLogReads(store, async function* (read) {
        let index = 0;
        for await (const page of read()) {
          const changed = change(page, index);
          if (changed !== undefined) yield changed;
          index += 1;
        }
      }),
  };
}

/** Stores that read the log wrong. */
export const brokenLogReads: readonly BrokenStore[] = [
  changingPages("gives no page when there are no events", ["read-all.empty-store", "read-all.after-head"], (page) =>
    page.events.length === 0 ? undefined : page,
  ),
  changingPages("gives each page the newest event first", ["read-all.order", "append.positions-rise"], (page) => ({
    ...page,
    events: page.events.toReversed(),
  })),
  changingPages(
    "never says that it is caught up",
    ["read-all.caught-up", "read-all.empty-store", "filter.next-passes-over"],
    (page) => ({ ...page, isCaughtUp: false }),
  ),
  changingPages("says too early that it is caught up", ["read-all.caught-up", "live.caught-up-each-time"], (page) => ({
    ...page,
    isCaughtUp: true,
  })),
  changingPages("skips every event behind a gap", ["read-all.order", "append.batch-stays-together"], (page) => ({
    ...page,
    events: page.events.filter((_, index) => index !== 2),
  })),
  changingPages(
    "leaves `next` in front of the last event of a page",
    ["read-all.next", "properties.pages", "read-all.limit"],
    (page) => ({ ...page, next: page.events.at(-2)?.position ?? page.next }),
  ),
  changingPages("gives as `next` the last event that matched", ["filter.next-passes-over", "live.filter"], (page) => ({
    ...page,
    next: page.events.at(-1)?.position ?? "",
  })),
  {
    fault: "gives as `next` the head, whatever it has scanned",
    rejectedBy: ["read-all.next", "read-all.caught-up", "filter.next-misses-nothing", "properties.pages"],
    breakStore: (store) =>
      changeLogReads(store, async function* (read) {
        for await (const page of read()) yield { ...page, next: await store.head() };
      }),
  },
  {
    fault: "passes over the event behind a page border",
    rejectedBy: ["read-all.same-time", "read-all.limit", "filter.next-misses-nothing"],
    breakStore: (store) =>
      changeLogReads(store, async function* (read) {
        for await (const page of read()) {
          const [further] = page.isCaughtUp ? [] : await collect(store.readAll({ after: page.next, limit: 1 }));
          yield { ...page, next: further?.next ?? page.next };
        }
      }),
  },
  {
    fault: "takes `after` as inclusive",
    rejectedBy: ["read-all.after", "read-all.after-head"],
    breakStore: (store) =>
      changeLogReads(store, async function* (read, options) {
        let isFirst = true;
        for await (const page of read()) {
          const [last] = await collect(store.readAll());
          const own = isFirst ? (last?.events ?? []).filter(({ position }) => position === options.after) : [];
          yield { ...page, events: [...own, ...page.events] };
          isFirst = false;
        }
      }),
  },
  {
    fault: "forgets the last page of the log unless it is full",
    rejectedBy: ["read-all.page-sizes", "properties.pages"],
    breakStore: (store) =>
      changeLogReads(store, async function* (read, options) {
        let isFirst = true;
        for await (const page of read()) {
          if (isFirst || options.live === true || page.events.length === options.pageSize) yield page;
          isFirst = false;
        }
      }),
  },
  {
    fault: "reads the log in one page",
    rejectedBy: ["read-all.default-page", "read-all.page-sizes"],
    breakStore: (store) => changeLogReads(store, (read, options) => read({ ...options, pageSize: 1_000_000 })),
  },
  {
    fault: "returns one event more than the limit",
    rejectedBy: ["read-all.limit", "properties.model"],
    breakStore: (store) =>
      changeLogReads(store, (read, options) =>
        read(options.limit === undefined ? options : { ...options, limit: options.limit + 1 }),
      ),
  },
  {
    fault: "takes `limit` for the size of a page",
    rejectedBy: ["read-all.limit", "live.limit"],
    breakStore: (store) =>
      changeLogReads(store, (read, { limit, ...options }) =>
        read(limit === undefined ? options : { ...options, pageSize: limit }),
      ),
  },
  {
    fault: "takes a limit of 0 in the log for no limit",
    rejectedBy: ["read-all.limit-zero"],
    breakStore: (store) =>
      changeLogReads(store, (read, { limit, ...options }) => read(limit ? { ...options, limit } : options)),
  },
  {
    fault: "gives other positions in the log than in the stream",
    rejectedBy: ["read-all.position-is-text", "read-all.order"],
    breakStore: (store) =>
      delegate(store, {
        async *readStream(streamId, options) {
          for await (const events of store.readStream(streamId, options)) {
            yield events.map((event) => ({ ...event, position: `${event.position}@${event.streamId}` }));
          }
        },
      }),
  },
  {
    fault: "begins at the start when it does not know the position",
    rejectedBy: ["read-all.damaged-position", "read-all.position-ahead"],
    breakStore: (store) =>
      changeLogReads(store, async function* (read, options) {
        try {
          yield* read();
        } catch (error) {
          if (!isEventSourcingError(error, "ES_INVALID_POSITION")) throw error;
          yield* read({ ...options, after: "" });
        }
      }),
  },
  {
    fault: "is silently empty when the position lies ahead of its head",
    rejectedBy: ["read-all.position-ahead"],
    breakStore: (store) =>
      changeLogReads(store, async function* (read, options) {
        const after = String(options.after ?? "");
        if (/^\d{16}$/.test(after) && after > (await store.head())) yield { events: [], next: after, isCaughtUp: true };
        else yield* read();
      }),
  },
  {
    fault: "makes the best of limits that make no sense",
    rejectedBy: ["read-all.refuses-nonsense"],
    breakStore: (store) =>
      changeLogReads(store, (read, options) => read({ ...options, limit: Math.max(0, options.limit ?? 1_000_000) })),
  },
  {
    fault: "matches an event when any member of a query does",
    rejectedBy: ["filter.queries", "properties.model", "properties.differential", "conditions.filters-agree"],
    breakStore: (store) =>
      changeLogReads(store, (read, options) => {
        if (options.filter === undefined) return read();
        const queries = [options.filter]
          .flat()
          .flatMap(({ types, categories, tags }) => [
            ...(types === undefined ? [] : [{ types }]),
            ...(categories === undefined ? [] : [{ categories }]),
            ...(tags === undefined ? [] : [{ tags }]),
          ]);
        return read(queries.length === 0 ? options : { ...options, filter: queries });
      }),
  },
  {
    fault: "matches an event that carries any of the tags",
    rejectedBy: ["conditions.filters-agree"],
    breakStore: (store) =>
      changeLogReads(store, (read, options) => {
        if (options.filter === undefined) return read();
        const filter = [options.filter]
          .flat()
          .flatMap((query) =>
            (query.tags ?? []).length === 0 ? [query] : (query.tags ?? []).map((tag) => ({ ...query, tags: [tag] })),
          );
        return read({ ...options, filter });
      }),
  },
  {
    fault: "counts the limit before it filters",
    rejectedBy: ["filter.with-after-and-limit", "properties.model"],
    breakStore: (store) =>
      changeLogReads(store, async function* (read, options) {
        if (options.filter === undefined || options.limit === undefined) return yield* read();
        const matching = new Set<string>();
        for await (const { events } of store.readAll({ filter: options.filter })) {
          for (const { position } of events) matching.add(position);
        }
        const { filter: _filter, ...unfiltered } = options;
        for await (const page of read(unfiltered)) {
          yield { ...page, events: page.events.filter(({ position }) => matching.has(position)) };
        }
      }),
  },
  {
    fault: "gives up when a long stretch holds no match",
    rejectedBy: ["filter.sparse"],
    breakStore: (store) =>
      changeLogReads(store, async function* (read, options) {
        if (options.filter === undefined || options.live === true) return yield* read();
        const [first] = await collect(store.readAll({ limit: 300 }));
        for await (const page of read())
          yield { ...page, events: page.events.filter(({ position }) => position <= (first?.next ?? "")) };
      }),
  },
  {
    fault: "takes an empty list in a filter for no restriction",
    rejectedBy: ["filter.refuses-empty-lists"],
    breakStore: (store) =>
      changeLogReads(store, (read, { filter, ...options }) => {
        if (filter === undefined) return read();
        const queries = [filter]
          .flat()
          .map((query) => Object.fromEntries(Object.entries(query).filter(([, names]) => names.length > 0)));
        return read(queries.length === 0 ? options : { ...options, filter: queries });
      }),
  },
];
