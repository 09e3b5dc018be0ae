import { type EventSourcingError, type Page, type ReadAllOptions, StoreUnavailableError } from "@es/core";
import { type LogRead, prepareLogRead } from "@es/core/adapter";
import type { LiveWait } from "./live-wait.ts";
import { LogCursor, type LogPage } from "./log-cursor.ts";
import type { LogSource } from "./log-source.ts";
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
    const { holder } = this.#source.reader;
    const read = prepareLogRead(options);
    const cursor = new LogCursor(this.#source, read);
    holder.assertUsable(read);
    let remaining = read.limit;
    let shown: LogPage | undefined;
    try {
      while (remaining > 0) {
        const { epoch } = this.#wait;
        const page = await this.#next(cursor, remaining, read);
        holder.assertUsable(read);
        remaining -= page.events.length;
        // A wake-up may have been for something else than an event, and the end may be found where the page before stood.
        if (page.hasMoved || shown === undefined || (page.isCaughtUp && !shown.isCaughtUp)) {
          shown = page;
          yield { events: page.events, next: page.next, isCaughtUp: page.isCaughtUp };
        }
        if (remaining === 0 || (page.isCaughtUp && !read.isLive)) return;
        holder.assertUsable(read);
        if (page.isCaughtUp) {
          await this.#wait.wait(epoch, read.signal);
          holder.assertUsable(read);
        }
      }
    } finally {
      cursor.leave();
    }
  }

  /** A live read outlives the server being away. */
  async #next(cursor: LogCursor, remaining: number, { isLive, pageSize, signal }: LogRead): Promise<LogPage> {
    const { reader } = this.#source;
    const size = Math.min(pageSize, remaining);
    for (;;) {
      try {
        return await cursor.next(size, remaining, () => reader.limit(signal));
      } catch (error) {
        const failure: EventSourcingError = toStoreError(error, "reading the log");
        if (!isLive || !(failure instanceof StoreUnavailableError)) throw failure;
        await reader.holder.pause(OUTAGE_PAUSE_MS, reader.limit(signal));
      }
    }
  }
}
