import {
  type EventQuery,
  InvalidPositionError,
  type Page,
  type Position,
  type RecordedEvent,
  START,
  StoreUnavailableError,
} from "@es/core";
import { type LogRead, matchesQueries } from "@es/core/adapter";
import type { CallLimit } from "./call-limit.ts";
import { eventsOf, lastPositionOf } from "./commit.ts";
import type { LogSource } from "./log-source.ts";
import { sequenceOf } from "./positions.ts";
import { WantedMessages } from "./wanted-messages.ts";

/** A page ends after so many commits even when nothing matched, so that a checkpoint can move on. */
const MAX_SCANNED_PER_PAGE = 10_000;
const LAG_PAUSE_MS = 10;
const ELECTION_MS = 2_000;

/** How far the log was looked at: a commit, and the position of its last event. */
interface Scanned {
  readonly sequence: number;
  readonly position: Position;
}

const NOTHING: Scanned = { sequence: 0, position: START };

/** A page, and whether it goes further than the one before. */
export interface LogPage extends Page {
  readonly hasMoved: boolean;
}

/** A place in the log that moves on with every page. */
export class LogCursor {
  readonly #source: LogSource;
  readonly #after: string;
  readonly #queries: readonly EventQuery[] | undefined;
  readonly #wanted: WantedMessages;
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
    this.#wanted = new WantedMessages(source, queries);
    this.#next = after;
    // The commit of that position is read again, since it may have more events.
    this.#scanned = { sequence: Math.max(sequence - 1, 0), position: after };
  }

  close(): void {
    this.#wanted.leaveFeed();
  }

  async next(size: number, limit: () => CallLimit): Promise<LogPage> {
    await this.#wanted.assertSource(limit());
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
    const { messages, isEnd } = await this.#wanted.fetch(this.#scanned.sequence, head.sequence, size, call);
    for (const message of messages) {
      const commit = this.#source.commitOf(message);
      if (this.#wanted.isEverything && commit.sequence > this.#scanned.sequence + 1) {
        await this.#wanted.refuseGap(this.#scanned.sequence, commit.sequence, call);
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
    this.#wanted.leaveFeed();
    if (this.#scanned.sequence < head.sequence && (await this.#wanted.hasNoMore(this.#scanned.sequence, call))) {
      this.#scanned = head;
    }
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
