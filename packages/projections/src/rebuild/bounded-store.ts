import { AbortedError, type EventStore, type Page, type Position, StoreUnavailableError } from "@es/core";

/** A store whose feed ends at a position. A live read of it waits there until it is aborted. */
export function boundedStore(store: EventStore<unknown>, end: Position): EventStore<unknown> {
  return {
    ...store,
    readStream: (streamId, options) => store.readStream(streamId, options),
    append: (writes, options) => store.append(writes, options),
    head: (options) => store.head(options),
    identity: (options) => store.identity(options),
    [Symbol.asyncDispose]: () => store[Symbol.asyncDispose](),
    async *readAll(options = {}) {
      const { live = false, ...rest } = options;
      let reached = options.after ?? "";
      if (reached < end) {
        for await (const page of store.readAll(rest)) {
          const bounded = cut(page, end);
          reached = bounded.next;
          yield bounded;
          if (reached >= end) break;
        }
        if (reached < end) throw new StoreUnavailableError(`the feed ended at ${reached}, in front of ${end}`);
      } else yield { events: [], next: reached, isCaughtUp: true };
      if (live) await aborted(options.signal);
    },
  };
}

function cut(page: Page, end: Position): Page {
  if (page.next < end) return page;
  return { events: page.events.filter(({ position }) => position <= end), next: end, isCaughtUp: true };
}

async function aborted(signal: AbortSignal | undefined): Promise<never> {
  const { promise, resolve } = Promise.withResolvers<void>();
  if (signal?.aborted) resolve();
  signal?.addEventListener("abort", () => resolve(), { once: true });
  await promise;
  throw new AbortedError("the read was aborted", { cause: signal?.reason });
}
