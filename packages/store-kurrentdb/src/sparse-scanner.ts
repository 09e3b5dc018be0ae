import { isNoPlace, noPlace } from "./assert-place.ts";
import type { CallLimit } from "./client-holder.ts";
import { CutReads } from "./cut-reads.ts";
import type { IncomingEvent, ServerFilter } from "./kurrent-client.ts";
import type { LogScanner, Stretch, StretchRequest } from "./log-scanner.ts";
import { isPassed, type LogPosition } from "./positions.ts";
import type { ServerReader } from "./server-reader.ts";
import { isPassing } from "./store-error.ts";
import { scanBySubscription } from "./subscription-scan.ts";

/** How many events are looked at one by one before a filter is used for the rest. */
const NEAR = 64;
/** The same where a subscription has searched: it says where it is after each 512 events that did not match. */
const NEAR_AFTER_SCAN = 1_024;

/** What a sparse scanner lets through. */
export interface SparseFilters {
  /** What is looked for. It may let through little of the log. */
  readonly filter: ServerFilter;
  /** A wider one, which lets the goal through; `undefined` for everything. It may be the same. */
  readonly wide: ServerFilter | undefined;
}

/**
 * Reads the log through a filter that may let through little of it. A read says nothing until it has found something, which may take
 * the server long; a subscription tells all the while how far it has looked. And that a read finds nothing more proves nothing, since
 * its answer may have been cut. So what is left is looked at without the filter where that is little, until the goal itself comes; a
 * read with the filter gives the events of a long way, and a subscription goes the rest of it.
 *
 * A subscription may be that of a follower, also where the leader is asked for: its end is not the end of the log. What is behind it is
 * read, which only the leader answers.
 */
export class SparseScanner implements LogScanner {
  readonly #reader: ServerReader;
  readonly #filters: SparseFilters;
  #isNear = true;
  #nearCount = NEAR;
  /** Whether a subscription is to go on, because reads find no more. */
  #isSlow = false;
  /** Whether a subscription has come to an end that the leader has not confirmed. */
  #isUnconfirmed = false;

  constructor(reader: ServerReader, filters: SparseFilters) {
    this.#reader = reader;
    this.#filters = filters;
  }

  async next(request: StretchRequest): Promise<Stretch> {
    if (!this.#isSlow) {
      try {
        const stretch = await (this.#isNear ? this.#readNear(request) : this.#readFar(request));
        this.#isUnconfirmed = false;
        return stretch;
      } catch (error) {
        // What is left behind the end of a subscription is little: then it is the server that does not answer.
        const hasAnother = !this.#isUnconfirmed;
        this.#isUnconfirmed = false;
        if (!hasAnother || !isPassing(error)) throw error;
        this.#isSlow = true;
      }
    }
    const stretch = await this.#scan(request);
    this.#isSlow = !stretch.isEnd;
    this.#isUnconfirmed = stretch.isEnd;
    if (stretch.isEnd) {
      this.#isNear = true;
      this.#nearCount = NEAR_AFTER_SCAN;
    }
    return { ...stretch, isEnd: false };
  }

  leave(): void {
    // Every read of it is waited for.
  }

  /** Looks at what comes next, until the goal has come. */
  async #readNear({ place, wanted, limit, goal }: StretchRequest): Promise<Stretch> {
    const { filter, wide } = this.#filters;
    const isSame = filter === wide;
    if (!isSame && isPassed(await goal(), place)) return { ...stretchOf([]), isEnd: true };
    const again = place === undefined ? 0 : 1;
    const asked = (isSame ? wanted.count : this.#nearCount) + again;
    const call = this.#reader.brief(limit());
    for (const cuts = new CutReads(this.#reader.holder, () => call); ; await cuts.again()) {
      const events = await this.#read(place, asked, wide, call);
      const isFull = events.length >= asked;
      // The same filter shows the way to the goal, however long it is.
      const isEnd = (!isSame || !isFull) && isPassed(await goal(), events.at(-1)?.position ?? place);
      // What came before the cut is a step forward.
      if (!isEnd && events.length <= again) continue;
      if (isEnd) this.#nearCount = NEAR;
      this.#isNear = isEnd || isSame || !isFull;
      return { ...stretchOf(events), isEnd };
    }
  }

  /** Looks for what is wanted only. */
  async #readFar({ place, wanted, limit }: StretchRequest): Promise<Stretch> {
    const asked = wanted.count + (place === undefined ? 0 : 1);
    const events = await this.#read(place, asked, this.#filters.filter, this.#reader.brief(limit()));
    this.#isSlow = events.length < asked;
    return stretchOf(events);
  }

  async #read(
    place: LogPosition | undefined,
    count: number,
    filter: ServerFilter | undefined,
    call: CallLimit,
  ): Promise<readonly IncomingEvent[]> {
    const range = { from: place ?? "start", isBackward: false, count } as const;
    return await this.#reader.log(filter === undefined ? range : { ...range, filter }, call);
  }

  async #scan({ place, wanted: { count }, limit }: StretchRequest): Promise<Stretch> {
    const { filter } = this.#filters;
    try {
      return await this.#reader.untilAnswered(limit(), (client, progress) =>
        scanBySubscription(client, { from: place ?? "start", filter, count }, progress),
      );
    } catch (error) {
      throw place !== undefined && isNoPlace(error) ? noPlace(place, error) : error;
    }
  }
}

function stretchOf(events: readonly IncomingEvent[]): Stretch {
  return { events, isContinued: false, reached: undefined, isEnd: false };
}
