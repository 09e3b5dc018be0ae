import { type EventSourcingError, type Page, type ReadAllOptions, StoreUnavailableError } from "@es/core";
import { type LogRead, prepareLogRead } from "@es/core/adapter";
import type { LiveWait } from "./live-wait.ts";
import { LogCursor, type LogPage } from "./log-cursor.ts";
import type { LogSource } from "./log-source.ts";
import { JetStreamError, RequestFailure } from "./request-failure.ts";
import { toStoreError } from "./store-error.ts";

const OUTAGE_PAUSE_MS = 100;

/** Reads the log. */
export class LogReader {
  readonly #source: LogSource;
  readonly #wait: LiveWait;

  constructor(source: LogSource, wait: LiveWait) {
    this.#source = source;
    this.#wait = wait;
  }

  /** The pages of the log, and with `live` the ones still to come. One loop with one cursor: what wakes it is only a hint. */
  async *read(options?: ReadAllOptions): AsyncGenerator<Page, void, undefined> {
    const read = prepareLogRead(options);
    const cursor = new LogCursor(this.#source, read);
    this.#source.link.assertUsable(read);
    let remaining = read.limit;
    let hasYielded = false;
    try {
      while (remaining > 0) {
        const { epoch } = this.#wait;
        const page = await this.#next(cursor, Math.min(read.pageSize, remaining), read);
        this.#source.link.assertUsable(read);
        remaining -= page.events.length;
        // A wake-up may have been for something else than an event.
        if (page.hasMoved || !hasYielded) {
          hasYielded = true;
          yield { events: page.events, next: page.next, isCaughtUp: page.isCaughtUp };
        }
        if (remaining === 0 || (page.isCaughtUp && !read.isLive)) return;
        this.#source.link.assertUsable(read);
        if (page.isCaughtUp) {
          await this.#wait.wait(epoch, read.signal);
          this.#source.link.assertUsable(read);
        }
      }
    } finally {
      cursor.close();
    }
  }

  /** A live read outlives the server being away. */
  async #next(cursor: LogCursor, size: number, { isLive, signal }: LogRead): Promise<LogPage> {
    for (;;) {
      try {
        return await cursor.next(size, () => this.#source.limit(signal));
      } catch (error) {
        const failure = toStoreError(error, "reading the log");
        if (!isLive || !isOutage(failure)) throw failure;
        await this.#source.link.pause(OUTAGE_PAUSE_MS, this.#source.limit(signal));
      }
    }
  }
}

/** Whether it may be over some time. Anything unforeseen is none, or a live read would try for ever. */
function isOutage(failure: EventSourcingError): boolean {
  const { cause } = failure;
  return (
    failure instanceof StoreUnavailableError &&
    (cause === undefined || cause instanceof RequestFailure || cause instanceof JetStreamError)
  );
}
