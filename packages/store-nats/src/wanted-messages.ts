import { type EventQuery, StoreCorruptError, StoreUnavailableError } from "@es/core";
import type { CallLimit } from "./call-limit.ts";
import { MESSAGES_PER_FETCH } from "./limits.ts";
import type { LogSource } from "./log-source.ts";
import type { FetchedMessages, MessageFeed } from "./message-feed.ts";
import { EVERYTHING } from "./message-lookup.ts";
import { ReadAhead } from "./read-ahead.ts";
import { categorySubject } from "./subjects.ts";

/** Small pages are cut from larger fetches. */
const LEAST_FETCH = 64;
/** More categories than that are filtered here, not by the server. */
const MAX_FILTERS = 32;

/** The messages of the log that some queries may match: fetched forward, and none of them missed. */
export class WantedMessages {
  readonly #source: LogSource;
  readonly #subjects: readonly string[];
  #feed: MessageFeed | undefined;
  /** The connection on which the log was found to be whole. */
  #wholeAt: number | undefined;

  constructor(source: LogSource, queries: readonly EventQuery[] | undefined) {
    this.#source = source;
    this.#subjects = subjectsOf(source, queries);
  }

  /** Whether these are all messages, so that one that is lost shows by a gap. */
  get isEverything(): boolean {
    return this.#subjects[0] === EVERYTHING;
  }

  /** Without all messages in view, whether the log is whole has to be asked. @throws StoreCorruptError, StoreFormatError */
  async assertSource(call: CallLimit): Promise<void> {
    const { check, link } = this.#source;
    if (this.isEverything) {
      await check.assertSame(call);
    } else if (this.#wholeAt !== link.connections) {
      const { connections } = link;
      await check.assertWhole(call);
      this.#wholeAt = connections;
    }
  }

  /** Some of those behind the sequence `after`, of which the feed is to bring those up to `upTo`. */
  async fetch(after: number, upTo: number, size: number, call: CallLimit): Promise<FetchedMessages> {
    this.#feed ??= new ReadAhead(this.#source, this.#source.feed(this.#subjects, after, upTo - after));
    try {
      return await this.#feed.fetch(Math.min(Math.max(2 * size, LEAST_FETCH), MESSAGES_PER_FETCH), call);
    } catch (error) {
      this.leaveFeed();
      throw error;
    }
  }

  /** The next feed begins behind what was looked at. */
  leaveFeed(): void {
    this.#feed?.close();
    this.#feed = undefined;
  }

  /** Nothing is ever removed, so a sequence that is passed over is a lost commit: on all servers, or on the one that answered. */
  async refuseGap(after: number, sequence: number, call: CallLimit): Promise<never> {
    const { lookup } = this.#source;
    this.leaveFeed();
    const missing = after + 1;
    const next = await lookup.nextOfLeader(EVERYTHING, after, call);
    if (next?.sequence === missing) {
      throw new StoreUnavailableError(
        `a server of the cluster has lost the commit at sequence ${missing}, which its leader has; try again, and repair that server`,
      );
    }
    throw new StoreCorruptError(
      `the log jumps from sequence ${after} to ${sequence}: the server has lost commits, restore a backup`,
    );
  }

  /** Whether there is none behind a sequence that is not the newest. */
  async hasNoMore(after: number, call: CallLimit): Promise<boolean> {
    const { lookup } = this.#source;
    if (this.isEverything) return false;
    // Who has delivered them may lag behind the one who has told of the newest.
    for (const subject of this.#subjects) {
      const last = await lookup.last(subject, call);
      if ((last?.sequence ?? 0) > after) return false;
    }
    return true;
  }
}

/** The subjects that hold everything the queries may match. */
function subjectsOf({ prefix, features }: LogSource, queries: readonly EventQuery[] | undefined): readonly string[] {
  const categories = new Set<string>();
  for (const query of queries ?? [{}]) {
    if (query.categories === undefined) return [EVERYTHING];
    for (const category of query.categories) categories.add(category);
  }
  const most = features.hasSeveralFilters ? MAX_FILTERS : 1;
  if (categories.size > most) return [EVERYTHING];
  return [...categories].map((category) => categorySubject(prefix, category));
}
