import type { CallLimit } from "./client-holder.ts";
import type { IncomingEvent, KurrentClient, ResolvedEvent } from "./kurrent-client.ts";
import { FIRST_PAUSE_MS, LONGEST_PAUSE_MS } from "./limits.ts";
import { Reading } from "./reading.ts";
import type { ServerReader } from "./server-reader.ts";
import { isPassing } from "./store-error.ts";

/** How many pages the first read asks for. */
export const FIRST_PAGES = 2;
/** Most events that one read asks for, unless a single page has more. */
const MOST_READ = 4_000;

/** Events for a page. */
export interface Portion {
  readonly events: readonly IncomingEvent[];
  /** Whether they follow those of the portion before in the same read. */
  readonly isContinued: boolean;
  /** Whether the read gave fewer events than were asked for: there are no more, or it was cut short. */
  readonly isEnd: boolean;
}

/** How much is wanted. */
export interface Wanted {
  /** Events for this portion. */
  readonly count: number;
  /** Events for all that will be wanted. */
  readonly most: number;
}

/**
 * Reads several pages by one read of the server, and gives each out as soon as it is there. A caller who takes the pages as fast as
 * they come gets larger reads; one who takes his time makes the store hold little.
 */
export class ReadAhead {
  readonly #reader: ServerReader;
  #reading: Reading | undefined;
  #pages = FIRST_PAGES;

  constructor(reader: ServerReader) {
    this.#reader = reader;
  }

  /** The next events. `ask` begins a read behind the last portion, where the read before has given all it had. */
  async next(
    { count, most }: Wanted,
    call: CallLimit,
    ask: (client: KurrentClient, asked: number) => AsyncIterable<ResolvedEvent>,
  ): Promise<Portion> {
    const { holder } = this.#reader;
    for (let pauseMs = FIRST_PAUSE_MS; ; pauseMs = Math.min(pauseMs * 2, LONGEST_PAUSE_MS)) {
      const isContinued = this.#reading !== undefined;
      const reading = (this.#reading ??= this.#begin({ count, most }, call, ask));
      try {
        const { events, isOver, isAwaited } = await reading.take(count);
        if (isOver) {
          this.#reading = undefined;
          this.#pages = isAwaited ? this.#pages * 2 : FIRST_PAGES;
        }
        return { events, isContinued, isEnd: isOver && reading.isShort };
      } catch (error) {
        this.#reading = undefined;
        if (!isPassing(error) || performance.now() + pauseMs >= call.deadline) throw error;
        await holder.pause(pauseMs, call);
      }
    }
  }

  /** Nothing more is wanted. */
  leave(): void {
    this.#reading?.leave();
    this.#reading = undefined;
  }

  #begin(
    { count, most }: Wanted,
    call: CallLimit,
    ask: (client: KurrentClient, asked: number) => AsyncIterable<ResolvedEvent>,
  ): Reading {
    // One more than the pages need shows whether that was all.
    const asked = Math.min(Math.max(Math.min(count * this.#pages, MOST_READ), count) + 1, most);
    return new Reading(this.#reader.holder, call, asked, (client) => ask(client, asked));
  }
}
