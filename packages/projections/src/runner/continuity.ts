import type { RecordedEvent } from "@es/core";
import { FeedIntegrityError } from "../errors/errors.ts";

/** Streams whose last version is remembered. Beyond that the one that was quiet for longest is forgotten. */
const MAX_STREAMS = 100_000;

/**
 * Notices a hole, a double or a wrong order in the feed, stream by stream. A stream that is met for the first time is believed,
 * unless the feed is read from the beginning: then its first event must have version 1.
 */
export class ContinuityCheck {
  readonly #versions = new Map<string, number>();
  readonly #seesWholeStreams: boolean;
  readonly #maxStreams: number;
  #knowsAllStreams: boolean;
  /** The stream that is at the end of the map. */
  #newest: string | undefined;

  constructor(options: {
    /** Whether every event of a stream is in the feed, so that a missing version is a hole. */
    readonly seesWholeStreams: boolean;
    readonly fromBeginning: boolean;
    readonly maxStreams?: number;
  }) {
    this.#seesWholeStreams = options.seesWholeStreams;
    this.#knowsAllStreams = options.fromBeginning;
    this.#maxStreams = options.maxStreams ?? MAX_STREAMS;
  }

  /** @throws FeedIntegrityError naming the hole or the double */
  check(events: readonly RecordedEvent[]): void {
    for (const event of events) this.#checkOne(event);
  }

  #checkOne({ streamId, version, position }: RecordedEvent): void {
    const known = this.#versions.get(streamId);
    const before = known ?? (this.#knowsAllStreams ? 0 : undefined);
    if (before !== undefined) {
      const expected = before + 1;
      if (version < expected || (this.#seesWholeStreams && version > expected)) {
        throw new FeedIntegrityError({ streamId, expected, actual: version, position });
      }
    }
    // Setting it anew puts the stream at the end of the map, so that the first key is the one that was quiet for longest.
    if (known !== undefined && streamId !== this.#newest) this.#versions.delete(streamId);
    this.#versions.set(streamId, version);
    this.#newest = streamId;
    if (this.#versions.size <= this.#maxStreams) return;
    this.#knowsAllStreams = false;
    for (const oldest of this.#versions.keys()) {
      this.#versions.delete(oldest);
      break;
    }
  }
}
