import { type EventQuery, InvalidPositionError, type Page, type Position, type RecordedEvent, START } from "@es/core";
import { type LogRead, matchesQueries } from "@es/core/adapter";
import type { CallLimit } from "./client-holder.ts";
import { toRecorded } from "./event-mapping.ts";
import type { IncomingEvent } from "./kurrent-client.ts";
import { DenseScanner } from "./dense-scanner.ts";
import type { LogScanner, Stretch, StretchRequest } from "./log-scanner.ts";
import type { LogSource } from "./log-source.ts";
import { isBehind, type LogPosition, parsePosition, toPosition } from "./positions.ts";
import { everyEvent, serverFilter } from "./server-filter.ts";
import { SparseScanner } from "./sparse-scanner.ts";

/** Small pages are cut from larger reads. */
const LEAST_READ = 64;
/** A page ends after so many events even when nothing matched, so that a checkpoint can move on. */
const MAX_SCANNED_PER_PAGE = 10_000;

/** A page, and whether it says anything that the one before did not. */
export interface LogPage extends Page {
  readonly hasMoved: boolean;
}

/** A place in the log that moves on with every page. */
export class LogCursor {
  readonly #source: LogSource;
  readonly #queries: readonly EventQuery[] | undefined;
  readonly #scanner: LogScanner;
  /** Everything up to this event of the store was looked at. */
  #scanned: Position;
  /** Where the server is to read on: at that event, or at one behind it which the filter let through. */
  #place: LogPosition | undefined;
  /** Whether {@link #place} is known to be one of this store's log. */
  #isChecked = false;
  /** With a filter: the newest event when it was asked for last. While it lies ahead, no page needs to ask. */
  #head: Position = START;
  /** Matching events that no page has shown yet. */
  #waiting: RecordedEvent[] = [];
  /** The position up to which pages were given out. */
  #next: Position;
  /** Whether the page before was the last one for its time. */
  #wasCaughtUp = false;

  /** @throws InvalidPositionError when `after` is not a position */
  constructor(source: LogSource, { after, queries }: LogRead) {
    this.#source = source;
    this.#queries = queries;
    this.#scanner = scannerFor(source, queries);
    this.#scanned = after;
    this.#next = after;
    this.#place = parsePosition(after);
  }

  /** The next page, with at most so many events, out of all that will be wanted. */
  async next(size: number, remaining: number, limit: () => CallLimit): Promise<LogPage> {
    const isFiltered = this.#queries !== undefined;
    // Without a filter the events themselves say where the log ends: one more than the page needs is read.
    const wanted = isFiltered ? size : size + 1;
    // Should this page fail, the log may be another one.
    let head = this.#head;
    this.#head = START;
    let isAsked = false;
    /** Whether the newest event when this page was asked for was looked at. It is asked for where the one known before is passed. */
    const isAtHead = async (): Promise<boolean> => {
      if (!isFiltered || this.#scanned < head) return false;
      if (!isAsked) head = await this.#assertNotAhead(limit());
      isAsked = true;
      return this.#scanned >= head;
    };
    const goal = isFiltered ? async () => parsePosition(head) : this.#headAsGoal(limit);
    // Events that wait for a later page say that this one is not the last.
    let isAtEnd = this.#waiting.length <= size && (await isAtHead());
    for (let scanned = 0; !isAtEnd && this.#waiting.length < wanted && scanned < MAX_SCANNED_PER_PAGE; ) {
      const count = Math.max(wanted - this.#waiting.length, LEAST_READ);
      const most = Math.max(count, remaining + 1);
      const stretch = await this.#scan({ place: this.#place, wanted: { count, most }, limit, goal });
      scanned += stretch.events.length;
      // Everything up to the head has been looked at.
      if (stretch.isEnd && this.#scanned < head) this.#passOver(head);
      isAtEnd = isFiltered ? await isAtHead() : stretch.isEnd;
      if (stretch.isEnd || stretch.reached === undefined) continue;
      // A long search is shown as far as it came.
      this.#advanceTo(stretch.reached, head);
      break;
    }
    const before = this.#next;
    const events = this.#waiting.splice(0, size);
    const isDrained = this.#waiting.length === 0;
    this.#next = isDrained ? this.#scanned : (events.at(-1)?.position ?? before);
    this.#wasCaughtUp = isDrained && (isAtEnd || (await isAtHead()));
    this.#head = head;
    const upTo = this.#wasCaughtUp ? this.#source.lookedUpTo(this.#scanned) : undefined;
    if (upTo !== undefined && isBehind(upTo, this.#place)) this.#place = upTo;
    return { events, next: this.#next, isCaughtUp: this.#wasCaughtUp, hasMoved: this.#next > before };
  }

  /** Nothing more is wanted. */
  leave(): void {
    this.#scanner.leave();
  }

  /**
   * The newest event when the page was asked for, or since. It is asked for with the first stretch where that will be short, since
   * little has come since the page before; and once for a page: where more is stored all the while, no page would get to the newest.
   */
  #headAsGoal(limit: () => CallLimit): StretchRequest["goal"] {
    let asked = this.#wasCaughtUp ? this.#source.head(limit()) : undefined;
    // Whoever needs it is told; others do not.
    asked?.catch(() => undefined);
    return async () => parsePosition(await (asked ??= this.#source.head(limit())));
  }

  /** Reads on. */
  async #scan(request: StretchRequest): Promise<Stretch> {
    const stretch = await this.#scanner.next(request);
    const { events, isContinued } = stretch;
    if (!isContinued && this.#queries === undefined && !this.#beginsAtPlace(events)) {
      await this.#assertNotAhead(request.limit(), request.goal);
    }
    for (const event of events) {
      if (event.position === undefined || !isBehind(event.position, this.#place)) continue;
      this.#place = event.position;
      const recorded = toRecorded(event, this.#source.names);
      if (recorded === undefined) continue;
      this.#scanned = recorded.position;
      if (matchesQueries(recorded, this.#queries)) this.#waiting.push(recorded);
    }
    return stretch;
  }

  /** The server has looked so far. What it says may be the place of an event of another store, which is none to show. */
  #advanceTo(reached: LogPosition, head: Position): void {
    if (isBehind(reached, this.#place)) this.#place = reached;
    if (this.#queries === undefined || this.#source.names.name !== undefined) return;
    const position = toPosition(reached);
    const shown = position < head ? position : head;
    if (shown > this.#scanned) this.#scanned = shown;
  }

  /** Nothing up to here, and from the last event on, is wanted. */
  #passOver(head: Position): void {
    this.#scanned = head;
    if (this.#place === undefined || toPosition(this.#place) < head) this.#place = parsePosition(head);
  }

  #beginsAtPlace([first]: readonly IncomingEvent[]): boolean {
    if (this.#place === undefined) return true;
    return first?.position !== undefined && toPosition(first.position) === toPosition(this.#place);
  }

  /** The newest event. @throws InvalidPositionError when this read is ahead of it, or began at an event of another store */
  async #assertNotAhead(call: CallLimit, goal?: StretchRequest["goal"]): Promise<Position> {
    if (!this.#isChecked && this.#place !== undefined) {
      await this.#source.refuseForeign(this.#scanned, this.#place, call);
    }
    this.#isChecked = true;
    const newest = await goal?.();
    const head = newest === undefined ? await this.#source.head(call) : toPosition(newest);
    if (head >= this.#scanned) return head;
    throw new InvalidPositionError(
      this.#scanned,
      `lies ahead of the newest event (${head === START ? "there is none" : head}); it belongs to another store, or this one was restored from a backup`,
    );
  }
}

function scannerFor({ reader, names }: LogSource, queries: readonly EventQuery[] | undefined): LogScanner {
  const wide = everyEvent(names);
  if (queries !== undefined) return new SparseScanner(reader, { filter: serverFilter(names, queries), wide });
  return names.name === undefined ? new DenseScanner(reader, wide) : new SparseScanner(reader, { filter: wide, wide });
}
