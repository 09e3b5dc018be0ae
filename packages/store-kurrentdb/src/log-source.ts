import { InvalidPositionError, type Position, START } from "@es/core";
import { assertPlace } from "./assert-place.ts";
import type { CallLimit } from "./client-holder.ts";
import { CutReads } from "./cut-reads.ts";
import { toRecorded } from "./event-mapping.ts";
import type { IncomingEvent } from "./kurrent-client.ts";
import type { StoreNames } from "./names.ts";
import { isBehind, type LogPosition, toPosition } from "./positions.ts";
import { everyEvent } from "./server-filter.ts";
import type { LogRange, ServerReader } from "./server-reader.ts";
import { SparseScanner } from "./sparse-scanner.ts";
import { isPassing } from "./store-error.ts";

/** Events that are looked at, at once, where the newest ones are none of the store's. */
const LOOK_BACK = 32;

/** Most events that are looked at, at once. */
const MOST_AT_ONCE = 500;

/** Up to where the log was looked at, and the position of the store's newest event so far. */
interface Known {
  readonly upTo: LogPosition | undefined;
  readonly head: Position;
}

/** Where the log of a store ends, and whether a position is one of it. */
export class LogSource {
  readonly reader: ServerReader;
  readonly names: StoreNames;
  #known: Known | undefined;

  constructor(reader: ServerReader, names: StoreNames) {
    this.reader = reader;
    this.names = names;
  }

  /**
   * The position of the store's newest event. What was looked at for it once is not looked at again: there may be much behind that event
   * which is none of the store's.
   */
  async head(call: CallLimit): Promise<Position> {
    const newest = await this.reader.newest(undefined, call);
    const { position: upTo } = newest;
    const known = this.#known;
    const recorded = toRecorded(newest, this.names);
    if (recorded === undefined && known?.upTo !== undefined && upTo !== undefined && isSame(upTo, known.upTo)) {
      return known.head;
    }
    const head = recorded?.position ?? (await this.#search(known, upTo, call));
    this.#learn({ upTo, head }, known);
    return head;
  }

  /** A place up to which there is nothing of the store behind this position, as far as that is known. */
  lookedUpTo(position: Position): LogPosition | undefined {
    return this.#known?.head === position ? this.#known.upTo : undefined;
  }

  /** Of two calls at once, the one that looked further counts; a log that is shorter now is another one. */
  #learn(learned: Known, replaced?: Known): void {
    const known = this.#known?.upTo;
    const isFurther = known === undefined || (learned.upTo !== undefined && isBehind(learned.upTo, known));
    if (isFurther || this.#known === replaced) this.#known = learned;
  }

  /** The newest event of the store, where that of the server is another one. */
  async #search(known: Known | undefined, goal: LogPosition | undefined, call: CallLimit): Promise<Position> {
    if (goal !== undefined && known?.upTo !== undefined && isBehind(goal, known.upTo)) {
      try {
        return (await this.#lastOf(known, goal, false, this.reader.brief(call))) ?? known.head;
      } catch (error) {
        // There is much to look at, or the log is another one, in which there is no such place.
        if (!isPassing(error) && !(error instanceof InvalidPositionError)) throw error;
      }
    }
    return await this.#searchBackwards(goal, call);
  }

  async #searchBackwards(goal: LogPosition | undefined, call: CallLimit): Promise<Position> {
    const cuts = new CutReads(this.reader.holder, () => call);
    const filter = everyEvent(this.names);
    const isSparse = this.names.name !== undefined;
    let from: LogPosition | undefined;
    for (let count = 1; ; count = Math.min(Math.max(count * 2, LOOK_BACK), MOST_AT_ONCE)) {
      const range: LogRange = { from: from ?? "end", isBackward: true, count, filter, isSparse };
      const events: readonly IncomingEvent[] = await this.reader.log(range, call);
      for (const event of events) {
        const recorded = toRecorded(event, this.names);
        if (recorded !== undefined) return recorded.position;
      }
      from = events.at(-1)?.position ?? from;
      if (events.length === count) continue;
      // There seems to be nothing before, which is so when there is nothing from the start on.
      if ((await this.#lastOf({ upTo: undefined, head: START }, goal, true, call)) === undefined) return START;
      await cuts.again();
    }
  }

  /** The last event of the store behind what is known, as far as the goal, or any; `undefined` when there is none. */
  async #lastOf(
    { upTo, head }: Known,
    goal: LogPosition | undefined,
    isAny: boolean,
    call: CallLimit,
  ): Promise<Position | undefined> {
    const scanner = new SparseScanner(this.reader, { filter: everyEvent(this.names), wide: undefined });
    const wanted = { count: MOST_AT_ONCE, most: MOST_AT_ONCE };
    let last: Position | undefined;
    let place = upTo;
    for (let isEnd = false; !isEnd && !(isAny && last !== undefined); ) {
      const stretch = await scanner.next({ place, wanted, goal: async () => goal, limit: () => call });
      for (const event of stretch.events) {
        if (event.position === undefined || !isBehind(event.position, place)) continue;
        place = event.position;
        last = toRecorded(event, this.names)?.position ?? last;
      }
      if (stretch.reached !== undefined && isBehind(stretch.reached, place)) place = stretch.reached;
      // A search that takes longer than a call goes on with the next one.
      this.#learn({ upTo: place, head: last ?? head });
      ({ isEnd } = stretch);
    }
    return last;
  }

  /**
   * Refuses the position of an event of another store on the same server, which would be ahead of the log on any other server.
   * @throws InvalidPositionError
   */
  async refuseForeign(position: Position, place: LogPosition, call: CallLimit): Promise<void> {
    // An unnamed store has all events; what is scavenged can be of any store.
    if (this.names.name === undefined) return;
    const [event] = await this.#at(place, call);
    if (event?.position === undefined || toPosition(event.position) !== position) return;
    if (this.names.streamId(event.streamId) === undefined) {
      throw new InvalidPositionError(position, "is the position of an event of another store on this server");
    }
  }

  /** The entry at a place, or the next one. */
  async #at(place: LogPosition, call: CallLimit): Promise<readonly IncomingEvent[]> {
    const range = { from: place, isBackward: false, count: 1 } as const;
    try {
      return await this.reader.log(range, this.reader.brief(call));
    } catch (error) {
      if (!isPassing(error)) throw error;
      await assertPlace(this.reader, place, call);
      return await this.reader.log(range, call);
    }
  }
}

function isSame(place: LogPosition, other: LogPosition): boolean {
  return place.commit === other.commit && place.prepare === other.prepare;
}
