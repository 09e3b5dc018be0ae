import { assertPlace, isNoPlace, noPlace } from "./assert-place.ts";
import type { CallLimit } from "./client-holder.ts";
import type { IncomingEvent, ServerFilter } from "./kurrent-client.ts";
import type { LogPosition } from "./positions.ts";
import { ReadAhead, type Wanted } from "./read-ahead.ts";
import type { ServerReader } from "./server-reader.ts";
import { isPassing } from "./store-error.ts";
import { scanBySubscription } from "./subscription-scan.ts";

/** A stretch of the log, from a place on. */
export interface Stretch {
  readonly events: readonly IncomingEvent[];
  /** Whether it follows the stretch before in the same read of the server. */
  readonly isContinued: boolean;
  /** How far the server has looked, where it says so. */
  readonly reached: LogPosition | undefined;
  /** Whether it came to the end of the log, as it was when the stretch was asked for. */
  readonly isEnd: boolean;
}

/**
 * Reads the log through a filter. A read says nothing until it has found something, which may take the server long where little
 * matches; a subscription tells all the while how far it has looked. So the one is tried first, and the other when it takes too long.
 *
 * A subscription may be that of a follower, also where the leader is asked for: its end is not the end of the log. So the rest is read
 * once more, which only the leader answers.
 */
export class LogScanner {
  readonly #reader: ServerReader;
  readonly #filter: ServerFilter;
  /** Whether the filter may let through little of the log. */
  readonly #isSparse: boolean;
  readonly #ahead: ReadAhead;
  #isSlow = false;
  /** Whether a subscription has come to an end that the leader has not confirmed. */
  #isUnconfirmed = false;

  constructor(reader: ServerReader, filter: ServerFilter, isSparse: boolean) {
    this.#reader = reader;
    this.#ahead = new ReadAhead(reader);
    this.#filter = filter;
    this.#isSparse = isSparse;
  }

  /**
   * Events behind a place, and the one at it where the filter lets it through. The place must be that of the last event of the
   * stretch before, if there was one.
   */
  async next(place: LogPosition | undefined, wanted: Wanted, limit: () => CallLimit): Promise<Stretch> {
    if (!this.#isSparse) return await this.#readAhead(place, wanted, limit);
    const { count } = wanted;
    if (!this.#isSlow) {
      try {
        const stretch = await this.#read(place, count, limit());
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
    const stretch = await this.#scan(place, count, limit());
    this.#isSlow = !stretch.isEnd;
    this.#isUnconfirmed = stretch.isEnd;
    return { ...stretch, isEnd: false };
  }

  /** Nothing more is wanted. */
  leave(): void {
    this.#ahead.leave();
  }

  async #scan(place: LogPosition | undefined, count: number, call: CallLimit): Promise<Stretch> {
    try {
      return await this.#reader.untilAnswered(call, (client, progress) =>
        scanBySubscription(client, { from: place ?? "start", filter: this.#filter, count }, progress),
      );
    } catch (error) {
      throw place !== undefined && isNoPlace(error) ? noPlace(place, error) : error;
    }
  }

  async #read(place: LogPosition | undefined, count: number, call: CallLimit): Promise<Stretch> {
    // The event at the place comes again.
    const asked = place === undefined ? count : count + 1;
    const range = { from: place ?? "start", isBackward: false, count: asked, filter: this.#filter } as const;
    const events = await this.#reader.log(range, this.#reader.brief(call));
    return { events, isContinued: false, reached: undefined, isEnd: events.length < asked };
  }

  async #readAhead(place: LogPosition | undefined, wanted: Wanted, limit: () => CallLimit): Promise<Stretch> {
    const again = place === undefined ? 0 : 1;
    try {
      const portion = await this.#ahead.next(
        { count: wanted.count + again, most: wanted.most + again },
        limit(),
        (client, maxCount) =>
          client.readAll({ direction: "forwards", fromPosition: place ?? "start", maxCount, filter: this.#filter }),
      );
      const { events, isContinued } = portion;
      // What was written since that read began is not in it.
      return { events, isContinued, reached: undefined, isEnd: portion.isEnd && !isContinued };
    } catch (error) {
      if (place !== undefined && isPassing(error)) await assertPlace(this.#reader, place, limit());
      throw error;
    }
  }
}
