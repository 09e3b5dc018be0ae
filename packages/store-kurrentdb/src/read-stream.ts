import { type ReadStreamOptions, type RecordedEvent } from "@es/core";
import { prepareStreamRead, type StreamRead } from "@es/core/adapter";
import { toRecorded, versionOf } from "./event-mapping.ts";
import type { IncomingEvent } from "./kurrent-client.ts";
import type { StoreNames } from "./names.ts";
import type { ServerReader } from "./server-reader.ts";
import { toStoreError } from "./store-error.ts";

/** Reads streams. */
export class StreamReader {
  readonly #reader: ServerReader;
  readonly #names: StoreNames;

  constructor(reader: ServerReader, names: StoreNames) {
    this.#reader = reader;
    this.#names = names;
  }

  /** The events of a stream, in pages. Each page is one call, so that a caller may take its time between two. */
  async *read(
    streamId: string,
    options?: ReadStreamOptions,
  ): AsyncGenerator<readonly RecordedEvent[], void, undefined> {
    const read = prepareStreamRead(streamId, options);
    const { holder } = this.#reader;
    holder.assertUsable(read);
    let { from, to, limit } = read;
    while (limit > 0 && from <= to && to > 0) {
      const count = Math.min(read.pageSize, limit, to - Math.max(from, 1) + 1);
      const events = await this.#page(read, from, to, count);
      holder.assertUsable(read);
      const wanted = events.filter(({ revision }) => versionOf(revision) >= from && versionOf(revision) <= to);
      const page = wanted.flatMap((event) => toRecorded(event, this.#names) ?? []);
      limit -= page.length;
      if (page.length > 0) yield page;
      const last = wanted.at(-1);
      // Fewer than asked for: that was the end. What was removed is passed over by the server, and counts for nothing.
      if (last === undefined || wanted.length < count) break;
      if (read.isBackward) to = versionOf(last.revision) - 1;
      else from = versionOf(last.revision) + 1;
      holder.assertUsable(read);
    }
    holder.assertUsable(read);
  }

  async #page(read: StreamRead, from: number, to: number, count: number): Promise<readonly IncomingEvent[]> {
    const { isBackward, signal } = read;
    const start = isBackward ? revisionFor(to) : BigInt(Math.max(from - 1, 0));
    try {
      const stream = this.#names.stream(read.streamId);
      return await this.#reader.stream(stream, { from: start, isBackward, count }, this.#reader.limit(signal));
    } catch (error) {
      throw toStoreError(error, `reading stream ${JSON.stringify(read.streamId)}`);
    }
  }
}

function revisionFor(version: number): bigint | "end" {
  return version === Number.MAX_SAFE_INTEGER ? "end" : BigInt(version - 1);
}
