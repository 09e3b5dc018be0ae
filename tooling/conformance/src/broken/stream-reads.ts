import { ConfigurationError } from "@es/core";
import type { BrokenStore } from "../broken-store.ts";
import { changeStreamReads, delegate, versionOf } from "../delegate.ts";

/** Stores that read a stream wrong. */
export const brokenStreamReads: readonly BrokenStore[] = [
  {
    fault: "takes `from` as exclusive",
    rejectedBy: ["read-stream.forward", "read-stream.backward", "properties.model"],
    breakStore: (store) =>
      changeStreamReads(store, (read, options) =>
        read(options.from === undefined ? options : { ...options, from: options.from + 1 }),
      ),
  },
  {
    fault: "takes `to` as exclusive",
    rejectedBy: ["read-stream.forward", "read-stream.backward"],
    breakStore: (store) =>
      changeStreamReads(store, (read, options) =>
        read(options.to === undefined ? options : { ...options, to: Math.max(0, options.to - 1) }),
      ),
  },
  {
    fault: "takes a limit of 0 in a stream for no limit",
    rejectedBy: ["read-stream.forward", "read-stream.backward"],
    breakStore: (store) =>
      changeStreamReads(store, (read, { limit, ...options }) => read(limit ? { ...options, limit } : options)),
  },
  {
    fault: "reads backward from the start of the stream when there is a limit",
    rejectedBy: ["read-stream.backward"],
    breakStore: (store) =>
      changeStreamReads(store, async function* (read, options) {
        if (options.direction !== "backward") yield* read();
        else for await (const page of read({ ...options, direction: "forward" })) yield page.toReversed();
      }),
  },
  {
    fault: "turns each page round instead of the whole stream",
    rejectedBy: ["read-stream.page-sizes", "properties.forward-backward"],
    breakStore: (store) =>
      changeStreamReads(store, async function* (read, options) {
        if (options.direction !== "backward" || options.limit !== undefined) yield* read();
        else for await (const page of read({ ...options, direction: "forward" })) yield page.toReversed();
      }),
  },
  {
    fault: "takes the streams that begin alike for the stream",
    rejectedBy: ["read-stream.absent"],
    breakStore: (store) =>
      delegate(store, {
        async *readStream(streamId) {
          for await (const { events } of store.readAll())
            yield events.filter((event) => event.streamId.startsWith(streamId));
        },
      }),
  },
  {
    fault: "forgets the last page of a stream unless it is full",
    rejectedBy: ["read-stream.page-sizes"],
    breakStore: (store) =>
      changeStreamReads(store, async function* (read, options) {
        let isFirst = true;
        for await (const page of read()) {
          if (isFirst || page.length === options.pageSize) yield page;
          isFirst = false;
        }
      }),
  },
  {
    fault: "reads a stream in one page",
    rejectedBy: ["read-stream.default-page", "read-stream.page-sizes"],
    breakStore: (store) => changeStreamReads(store, (read, options) => read({ ...options, pageSize: 1_000_000 })),
  },
  {
    fault: "reads the category instead of the stream",
    rejectedBy: ["read-stream.streams-do-not-mix"],
    breakStore: (store) =>
      delegate(store, {
        async *readStream(streamId) {
          const categories = [streamId.split("-")[0] ?? ""];
          for await (const { events } of store.readAll({ filter: { categories } })) yield events;
        },
      }),
  },
  {
    fault: "counts pages from the newest event, so that a growing stream moves them",
    rejectedBy: ["read-stream.while-appending"],
    breakStore: (store) =>
      changeStreamReads(store, async function* (read, options, streamId) {
        const pageSize = options.pageSize ?? 500;
        const before = await versionOf(store, streamId);
        if (options.direction === "backward" || options.from !== undefined) return yield* read();
        for (let from = 1; ; ) {
          const grown = (await versionOf(store, streamId)) - before;
          for await (const page of read({ ...options, from: from + grown, limit: pageSize })) yield page;
          from += pageSize;
          if (from > before) return undefined;
        }
      }),
  },
  {
    fault: "refuses Infinity",
    rejectedBy: ["read-stream.infinity-means-all"],
    breakStore: (store) =>
      changeStreamReads(store, (read, options) => {
        const isInfinite = Object.values(options).includes(Number.POSITIVE_INFINITY);
        if (isInfinite) throw new ConfigurationError("an option is not a whole number");
        return read();
      }),
  },
  {
    fault: "makes the best of bounds that make no sense",
    rejectedBy: ["read-stream.refuses-nonsense"],
    breakStore: (store) =>
      changeStreamReads(store, (read, options) => {
        const { from = 1 } = options;
        return read(from < 0 ? { ...options, from: 0 } : options);
      }),
  },
];
