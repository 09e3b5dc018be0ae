import { InvalidPositionError, type Position, START } from "@es/core";
import type { CallLimit } from "./client-holder.ts";
import { toRecorded } from "./event-mapping.ts";
import type { IncomingEvent } from "./kurrent-client.ts";
import type { StoreNames } from "./names.ts";
import { type LogPosition, toPosition } from "./positions.ts";
import { everyEvent } from "./server-filter.ts";
import type { ServerReader } from "./server-reader.ts";

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
    const filter = everyEvent(this.names);
    let from: LogPosition | "end" = "end";
    for (let count = 1; ; count = LOOK_BACK) {
      const range = { from, isBackward: true, count, filter, isSparse: this.names.name !== undefined };
      const events: readonly IncomingEvent[] = await this.reader.log(range, call);
      for (const event of events) {
        const recorded = toRecorded(event, this.names);
        if (recorded !== undefined) return recorded.position;
      }
      const last = events.at(-1)?.position;
      if (last === undefined) return START;
      from = last;
    }
  }

  /**
   * Refuses the position of an event of another store on the same server, which would be ahead of the log on any other server.
   * @throws InvalidPositionError
   */
  async refuseForeign(position: Position, place: LogPosition, call: CallLimit): Promise<void> {
    // An unnamed store has all events; what is scavenged can be of any store.
    if (this.names.name === undefined) return;
    const [event] = await this.reader.log({ from: place, isBackward: false, count: 1 }, call);
    if (event?.position === undefined || toPosition(event.position) !== position) return;
    if (this.names.streamId(event.streamId) === undefined) {
      throw new InvalidPositionError(position, "is the position of an event of another store on this server");
    }
  }
}
