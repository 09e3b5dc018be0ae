import { InvalidPositionError, type Position, START } from "@es/core";
import { assertPlace } from "./assert-place.ts";
import type { CallLimit } from "./client-holder.ts";
import { CutReads } from "./cut-reads.ts";
import { toRecorded } from "./event-mapping.ts";
import type { IncomingEvent } from "./kurrent-client.ts";
import type { StoreNames } from "./names.ts";
import { isBehind, type LogPosition, toPosition } from "./positions.ts";
import { firstBehind } from "./proof.ts";
import { everyEvent } from "./server-filter.ts";
import type { LogRange, ServerReader } from "./server-reader.ts";
import { isPassing } from "./store-error.ts";

/** Events that are looked at, at once, where the newest ones are none of the store's. */
const LOOK_BACK = 32;

/** Where the log of a store ends, and whether a position is one of it. */
export class LogSource {
  readonly reader: ServerReader;
  readonly names: StoreNames;

  constructor(reader: ServerReader, names: StoreNames) {
    this.reader = reader;
    this.names = names;
  }

  /** The position of the store's newest event. */
  async head(call: CallLimit): Promise<Position> {
    const cuts = new CutReads(this.reader.holder, () => call);
    const filter = everyEvent(this.names);
    let from: LogPosition | undefined;
    for (let count = 1; ; count = LOOK_BACK) {
      const range: LogRange = {
        from: from ?? "end",
        isBackward: true,
        count,
        filter,
        isSparse: this.names.name !== undefined,
      };
      const events: readonly IncomingEvent[] = await this.reader.log(range, call);
      for (const event of events) {
        const recorded = toRecorded(event, this.names);
        if (recorded !== undefined) return recorded.position;
      }
      from = events.at(-1)?.position ?? from;
      if (events.length === count) continue;
      // There seems to be nothing before: then what is first is none before either.
      const first = await firstBehind(this.reader, undefined, filter, call);
      if (first?.position === undefined || (from !== undefined && !isBehind(from, first.position))) return START;
      await cuts.again();
    }
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
