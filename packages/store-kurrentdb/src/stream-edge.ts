import type { CallLimit } from "./client-holder.ts";
import { versionOf } from "./event-mapping.ts";
import type { IncomingEvent } from "./kurrent-client.ts";
import type { ServerReader } from "./server-reader.ts";

/** Where a stream ends, in the direction of a read. So it is known whether an answer that is short has been cut. */
export class StreamEdge {
  readonly #reader: ServerReader;
  readonly #stream: string;
  readonly #isBackward: boolean;
  readonly #limit: () => CallLimit;
  #asked: Promise<IncomingEvent | undefined> | undefined;
  /** Where the read was when it was compared last. */
  #comparedWith: number | undefined;

  constructor(reader: ServerReader, stream: string, isBackward: boolean, limit: () => CallLimit) {
    this.#reader = reader;
    this.#stream = stream;
    this.#isBackward = isBackward;
    this.#limit = limit;
  }

  /** Asks for it now, side by side with the read, so that nobody waits for it later. */
  prepare(): void {
    const asked = this.#ask();
    this.#asked = asked;
    // Whoever needs it by then asks himself.
    asked.catch(() => {
      if (this.#asked === asked) this.#asked = undefined;
    });
  }

  /** Whether there was nothing between these versions, on the side from which the read comes, at some time since it began. */
  async isReached({ from, to }: { readonly from: number; readonly to: number }): Promise<boolean> {
    const place = this.#isBackward ? to : from;
    // Not again while the read comes closer to it: where more is stored all the while, the read would never end.
    if (this.#asked === undefined || this.#comparedWith === place) this.#asked = this.#ask();
    this.#comparedWith = place;
    const edge = await this.#asked;
    if (edge === undefined) return true;
    return this.#isBackward ? versionOf(edge.revision) > to : versionOf(edge.revision) < from;
  }

  async #ask(): Promise<IncomingEvent | undefined> {
    const range = this.#isBackward
      ? ({ from: "start", isBackward: false, count: 1 } as const)
      : ({ from: "end", isBackward: true, count: 1 } as const);
    const [edge] = await this.#reader.stream(this.#stream, range, this.#limit());
    return edge;
  }
}
