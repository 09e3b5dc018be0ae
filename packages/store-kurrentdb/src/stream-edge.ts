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
  #prepared: Promise<IncomingEvent | undefined> | undefined;

  constructor(reader: ServerReader, stream: string, isBackward: boolean, limit: () => CallLimit) {
    this.#reader = reader;
    this.#stream = stream;
    this.#isBackward = isBackward;
    this.#limit = limit;
  }

  /** Asks for it now, side by side with the read, so that nobody waits for it later. */
  prepare(): void {
    this.#prepared = this.#ask();
    // Whoever needs it is told; others do not.
    this.#prepared.catch(() => undefined);
  }

  /** Whether there is nothing between these versions, on the side from which the read comes. */
  async isReached({ from, to }: { readonly from: number; readonly to: number }): Promise<boolean> {
    const asked = this.#prepared ?? this.#ask();
    this.#prepared = undefined;
    const edge = await asked;
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
