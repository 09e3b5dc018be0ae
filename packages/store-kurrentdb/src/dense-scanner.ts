import { assertPlace } from "./assert-place.ts";
import { CutReads } from "./cut-reads.ts";
import type { ServerFilter } from "./kurrent-client.ts";
import type { LogScanner, Stretch, StretchRequest } from "./log-scanner.ts";
import { isPassed } from "./positions.ts";
import { ReadAhead } from "./read-ahead.ts";
import type { ServerReader } from "./server-reader.ts";
import { isPassing } from "./store-error.ts";

/** Reads the log of a server where nearly everything is wanted, several pages at once. */
export class DenseScanner implements LogScanner {
  readonly #reader: ServerReader;
  readonly #filter: ServerFilter;
  readonly #ahead: ReadAhead;

  constructor(reader: ServerReader, filter: ServerFilter) {
    this.#reader = reader;
    this.#filter = filter;
    this.#ahead = new ReadAhead(reader);
  }

  async next({ place, wanted, limit, goal }: StretchRequest): Promise<Stretch> {
    const again = place === undefined ? 0 : 1;
    const cuts = new CutReads(this.#reader.holder, limit);
    for (;;) {
      const { events, isContinued, isEnd } = await this.#portion({ place, wanted, limit, goal }, again);
      const stretch = { events, isContinued, reached: undefined };
      if (!isEnd) return { ...stretch, isEnd: false };
      if (isPassed(await goal(), events.at(-1)?.position ?? place)) return { ...stretch, isEnd: true };
      if (events.length > again) return { ...stretch, isEnd: false };
      await cuts.again();
    }
  }

  leave(): void {
    this.#ahead.leave();
  }

  async #portion({ place, wanted, limit }: StretchRequest, again: number) {
    try {
      return await this.#ahead.next(
        { count: wanted.count + again, most: wanted.most + again },
        limit(),
        (client, maxCount) =>
          client.readAll({ direction: "forwards", fromPosition: place ?? "start", maxCount, filter: this.#filter }),
      );
    } catch (error) {
      if (place !== undefined && isPassing(error)) await assertPlace(this.#reader, place, limit());
      throw error;
    }
  }
}
