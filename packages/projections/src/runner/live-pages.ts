import { type EventQuery, type EventStore, type Page, type Position, StoreUnavailableError } from "@es/core";
import { prefetch } from "./prefetch.ts";

/** The store could not be read. Tells that from a failure of handling what was read. */
export class ReadFailure extends Error {}

/** What is read. */
interface Wanted {
  readonly store: EventStore<unknown>;
  readonly filter: EventQuery | undefined;
  readonly after: Position;
  readonly pageSize: number;
  readonly signal: AbortSignal;
}

/** The pages of a live read, one read ahead. Every failure of the read, also that it ended, is a {@link ReadFailure}. */
export class LivePages {
  readonly #reading = new AbortController();
  readonly #pages: AsyncGenerator<Page, void, undefined>;

  constructor({ store, filter, after, pageSize, signal }: Wanted) {
    this.#pages = prefetch(
      store.readAll({
        after,
        live: true,
        pageSize,
        signal: AbortSignal.any([signal, this.#reading.signal]),
        ...(filter === undefined ? {} : { filter }),
      }),
    );
  }

  /** Waits for the next page. @throws ReadFailure */
  async next(): Promise<Page> {
    try {
      const result = await this.#pages.next();
      if (result.done !== true) return result.value;
      throw new StoreUnavailableError("the live read of the store ended by itself");
    } catch (cause) {
      throw new ReadFailure("the store could not be read", { cause });
    }
  }

  /** Ends the read, also of the page after the last one, which may be waiting for news. */
  async close(): Promise<void> {
    this.#reading.abort();
    await this.#pages.return();
  }
}
