import {
  type EventQuery,
  type EventSourcingError,
  InvalidPositionError,
  type Page,
  type Position,
  type ReadAllOptions,
  type RecordedEvent,
  START,
  StoreCorruptError,
  StoreUnavailableError,
} from "@es/core";
import { type LogRead, matchesQueries, prepareLogRead } from "@es/core/adapter";
import { eventsOf, lastPositionOf } from "./commit.ts";
import { MESSAGES_PER_FETCH } from "./limits.ts";
import type { CallLimit } from "./link.ts";
import type { LiveWait } from "./live-wait.ts";
import type { LogSource } from "./log-source.ts";
import type { FetchedMessages, MessageFeed } from "./message-feed.ts";
import { EVERYTHING } from "./message-lookup.ts";
import { sequenceOf } from "./positions.ts";
import { ReadAhead } from "./read-ahead.ts";
import { JetStreamError, RequestFailure } from "./request-failure.ts";
import { toStoreError } from "./store-error.ts";
import { categorySubject } from "./subjects.ts";

/** A page ends after so many commits even when nothing matched, so that a checkpoint can move on. */
const MAX_SCANNED_PER_PAGE = 10_000;
/** Small pages are cut from larger fetches. */
const LEAST_FETCH = 64;
/** More categories than that are filtered here, not by the server. */
const MAX_FILTERS = 32;
const LAG_PAUSE_MS = 10;
const OUTAGE_PAUSE_MS = 100;
const ELECTION_MS = 2_000;

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

/** How far the log was looked at: a commit, and the position of its last event. */
interface Scanned {
  readonly sequence: number;
  readonly position: Position;
}

const NOTHING: Scanned = { sequence: 0, position: START };

interface LogPage extends Page {
  readonly hasMoved: boolean;
}

/** A place in the log that moves on with every page. */
class LogCursor {
  readonly #source: LogSource;
  readonly #after: string;
  readonly #queries: readonly EventQuery[] | undefined;
  readonly #subjects: readonly string[];
  #feed: MessageFeed | undefined;
  /** The connection on which the log was found to be whole. */
  #wholeAt: number | undefined;
  /** Matching events that no page has shown yet. */
  #waiting: RecordedEvent[] = [];
  /** Everything up to this sequence, and to this position, was looked at. */
  #scanned: Scanned;
  /** The newest commit when it was looked up last. */
  #known: Scanned = NOTHING;
  /** The position up to which pages were given out. */
  #next: string;

  constructor(source: LogSource, { after, queries }: LogRead) {
    const sequence = sequenceOf(after);
    this.#source = source;
    this.#after = after;
    this.#queries = queries;
    this.#subjects = subjectsOf(source, queries);
    this.#next = after;
    // The commit of that position is read again, since it may have more events.
    this.#scanned = { sequence: Math.max(sequence - 1, 0), position: after };
  }

  close(): void {
    this.#feed?.close();
  }

  async next(size: number, limit: () => CallLimit): Promise<LogPage> {
    await this.#assertSource(limit());
    let head = this.#known;
    // As long as there is more up to what was the newest, what is the newest now is of no interest.
    let isFresh = this.#scanned.sequence >= head.sequence;
    if (isFresh) head = await this.#head(limit());
    if (head.position === this.#scanned.position) this.#scanned = head;
    const { sequence: start } = this.#scanned;
    let call = limit();
    while (
      this.#waiting.length < size &&
      this.#scanned.sequence < head.sequence &&
      this.#scanned.sequence - start < MAX_SCANNED_PER_PAGE
    ) {
      const { sequence: before } = this.#scanned;
      await this.#fetch(size, head, call);
      if (this.#scanned.sequence > before) call = limit();
      else await this.#waitForStraggler(call);
      // What is behind the newest message that came is not known any more.
      if (this.#scanned.sequence >= head.sequence && !(isFresh && this.#scanned.sequence === head.sequence)) {
        head = await this.#head(limit());
        isFresh = true;
      }
    }
    this.#known = head;
    const before = this.#next;
    const events = this.#waiting.splice(0, size);
    const isDrained = this.#waiting.length === 0;
    this.#next = isDrained ? this.#scanned.position : (events.at(-1)?.position ?? before);
    return {
      events,
      next: this.#next,
      isCaughtUp: isDrained && this.#scanned.sequence >= head.sequence,
      hasMoved: this.#next > before,
    };
  }

  /** Without all messages in view, a lost one does not show by a gap. */
  async #assertSource(call: CallLimit): Promise<void> {
    const { check, link } = this.#source;
    if (this.#subjects[0] === EVERYTHING) {
      await check.assertSame(call);
    } else if (this.#wholeAt !== link.connections) {
      const { connections } = link;
      await check.assertWhole(call);
      this.#wholeAt = connections;
    }
  }

  /** The newest commit. @throws InvalidPositionError when this read is ahead of it */
  async #head(call: CallLimit): Promise<Scanned> {
    const now = performance.now();
    const patientUntil = Math.min(now + ELECTION_MS, (now + call.deadline) / 2);
    for (;;) {
      const newest = await this.#source.head(call);
      const head = newest === undefined ? NOTHING : { sequence: newest.sequence, position: lastPositionOf(newest) };
      if (head.position >= this.#scanned.position) return head;
      // A leader that has just been elected may need a moment until it knows of everything.
      if (performance.now() > patientUntil || (await this.#source.check.replicas(call)) === 1) {
        throw new InvalidPositionError(
          this.#next,
          `lies ahead of the newest event (${head.position === "" ? "there is none" : head.position}); it belongs to another store, or this one was restored from a backup`,
        );
      }
      await this.#source.link.pause(LAG_PAUSE_MS, call);
    }
  }

  /** Fetches some messages, or finds out that none of those up to `head` is wanted. */
  async #fetch(size: number, head: Scanned, call: CallLimit): Promise<void> {
    const { messages, isEnd } = await this.#more(size, head, call);
    for (const message of messages) {
      const commit = this.#source.commitOf(message);
      if (this.#subjects[0] === EVERYTHING && commit.sequence > this.#scanned.sequence + 1) {
        await this.#refuseGap(commit.sequence, call);
      }
      const events = eventsOf(commit);
      for (const event of events) {
        if (event.position > this.#after && matchesQueries(event, this.#queries)) this.#waiting.push(event);
      }
      const position = events.at(-1)?.position ?? lastPositionOf(commit);
      if (position < this.#scanned.position) {
        throw new InvalidPositionError(this.#after, `is not one of this store; its commit ends at ${position}`);
      }
      this.#scanned = { sequence: commit.sequence, position };
    }
    if (!isEnd) return;
    // The next one counts anew what there is, and nothing on the server is held while nobody reads.
    this.#leaveFeed();
    if (this.#scanned.sequence < head.sequence && (await this.#hasNoMore(call))) this.#scanned = head;
  }

  async #more(size: number, head: Scanned, call: CallLimit): Promise<FetchedMessages> {
    const { sequence } = this.#scanned;
    this.#feed ??= new ReadAhead(this.#source, this.#source.feed(this.#subjects, sequence, head.sequence - sequence));
    try {
      return await this.#feed.fetch(Math.min(Math.max(2 * size, LEAST_FETCH), MESSAGES_PER_FETCH), call);
    } catch (error) {
      this.#leaveFeed();
      throw error;
    }
  }

  /** The next feed begins behind what was looked at. */
  #leaveFeed(): void {
    this.#feed?.close();
    this.#feed = undefined;
  }

  /** Nothing is ever removed, so a sequence that is passed over is a lost commit: on all servers, or on the one that answered. */
  async #refuseGap(sequence: number, call: CallLimit): Promise<never> {
    const { lookup } = this.#source;
    this.#leaveFeed();
    const missing = this.#scanned.sequence + 1;
    const next = await lookup.nextOfLeader(EVERYTHING, this.#scanned.sequence, call);
    if (next?.sequence === missing) {
      throw new StoreUnavailableError(
        `a server of the cluster has lost the commit at sequence ${missing}, which its leader has; try again, and repair that server`,
      );
    }
    throw new StoreCorruptError(
      `the log jumps from sequence ${this.#scanned.sequence} to ${sequence}: the server has lost commits, restore a backup`,
    );
  }

  /** Whether everything that is wanted and was there when `head` was looked up has been fetched. */
  async #hasNoMore(call: CallLimit): Promise<boolean> {
    const { lookup } = this.#source;
    if (this.#subjects[0] === EVERYTHING) return false;
    // Who has delivered them may lag behind the one who has told of `head`.
    for (const subject of this.#subjects) {
      const last = await lookup.last(subject, call);
      if ((last?.sequence ?? 0) > this.#scanned.sequence) return false;
    }
    return true;
  }

  async #waitForStraggler(call: CallLimit): Promise<void> {
    if (performance.now() + LAG_PAUSE_MS > call.deadline) {
      throw new StoreUnavailableError(
        "the server that answers has not got the newest events in time; try again, and look at the state of the cluster",
      );
    }
    await this.#source.link.pause(LAG_PAUSE_MS, call);
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
