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
    // Without a filter the events themselves say where the log ends: one more than the page needs is read.
    const head = this.#queries === undefined ? undefined : await this.#assertNotAhead(limit());
    const wanted = head === undefined ? size + 1 : size;
    const goal = head === undefined ? this.#headAsGoal(limit) : async () => parsePosition(head);
    let isAtEnd = this.#scanned === head;
    for (let scanned = 0; !isAtEnd && this.#waiting.length < wanted && scanned < MAX_SCANNED_PER_PAGE; ) {
      const count = Math.max(wanted - this.#waiting.length, LEAST_READ);
      const most = Math.max(count, remaining + 1);
      const stretch = await this.#scan({ place: this.#place, wanted: { count, most }, limit, goal });
      scanned += stretch.events.length;
      isAtEnd = stretch.isEnd;
      // Everything up to the head has been looked at.
      if (isAtEnd && head !== undefined && this.#scanned < head) this.#passOver(head);
      if (isAtEnd || stretch.reached === undefined) continue;
      // A long search is shown as far as it came.
      this.#advanceTo(stretch.reached, head);
      break;
    }
    const before = this.#next;
    const events = this.#waiting.splice(0, size);
    const isDrained = this.#waiting.length === 0;
    this.#next = isDrained ? this.#scanned : (events.at(-1)?.position ?? before);
    this.#wasCaughtUp = isDrained && (isAtEnd || this.#next === head);
    return { events, next: this.#next, isCaughtUp: this.#wasCaughtUp, hasMoved: this.#next > before };
  }

  /** Nothing more is wanted. */
  leave(): void {
    this.#scanner.leave();
  }

  /** The newest event of all. It is asked for with the first stretch where that will be short, since little has come since. */
  #headAsGoal(limit: () => CallLimit): StretchRequest["goal"] {
    let early = this.#wasCaughtUp ? this.#source.head(limit()) : undefined;
    // Whoever needs it is told; others do not.
    early?.catch(() => undefined);
    return async () => {
      const asked = early ?? this.#source.head(limit());
      early = undefined;
      return parsePosition(await asked);
    };
  }

  /** Reads on. */
  async #scan(request: StretchRequest): Promise<Stretch> {
    const stretch = await this.#scanner.next(request);
    const { events, isContinued } = stretch;
    if (!isContinued && this.#queries === undefined && !this.#beginsAtPlace(events)) {
      await this.#assertNotAhead(request.limit());
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
  #advanceTo(reached: LogPosition, head: Position | undefined): void {
    if (isBehind(reached, this.#place)) this.#place = reached;
    if (head === undefined || this.#source.names.name !== undefined) return;
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
  async #assertNotAhead(call: CallLimit): Promise<Position> {
    if (!this.#isChecked && this.#place !== undefined) {
      await this.#source.refuseForeign(this.#scanned, this.#place, call);
    }
    this.#isChecked = true;
    const head = await this.#source.head(call);
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
