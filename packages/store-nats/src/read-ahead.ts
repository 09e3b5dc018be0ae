import type { CallLimit } from "./call-limit.ts";
import type { LogSource } from "./log-source.ts";
import type { FetchedMessages, MessageFeed } from "./message-feed.ts";
import { RequestFailure } from "./request-failure.ts";

/**
 * Asks a feed for the next messages while the reader still has the last ones. After a failure it must be thrown away: what the feed
 * has given meanwhile is not known.
 */
export class ReadAhead implements MessageFeed {
  readonly #source: LogSource;
  readonly #feed: MessageFeed;
  readonly #closed = new AbortController();
  #ahead: Promise<FetchedMessages> | undefined;

  constructor(source: LogSource, feed: MessageFeed) {
    this.#source = source;
    this.#feed = feed;
  }

  async fetch(count: number, call: CallLimit): Promise<FetchedMessages> {
    const fetched = await (this.#ahead === undefined
      ? this.#feed.fetch(count, call)
      : this.#source.link.within(this.#ahead, call, () => new RequestFailure("unanswered", "no messages in time")));
    this.#ahead = undefined;
    if (!fetched.isEnd && fetched.messages.length > 0) {
      this.#ahead = this.#feed.fetch(count, this.#source.limit(this.#closed.signal));
      // Nobody may ever ask for them.
      this.#ahead.catch(() => undefined);
    }
    return fetched;
  }

  close(): void {
    this.#closed.abort();
    this.#feed.close();
  }
}
