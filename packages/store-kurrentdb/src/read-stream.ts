import { type ReadStreamOptions, type RecordedEvent } from "@es/core";
import { prepareStreamRead, type StreamRead } from "@es/core/adapter";
import { CutReads } from "./cut-reads.ts";
import { toRecorded, versionOf } from "./event-mapping.ts";
import type { StoreNames } from "./names.ts";
import { type Portion, ReadAhead } from "./read-ahead.ts";
import { ServerFailure } from "./server-failure.ts";
import type { ServerReader } from "./server-reader.ts";
import { toStoreError } from "./store-error.ts";
import { StreamEdge } from "./stream-edge.ts";

/** What is left to read. */
type Left = Pick<StreamRead, "from" | "to" | "limit">;

/** Reads streams. */
export class StreamReader {
  readonly #reader: ServerReader;
  readonly #names: StoreNames;

  constructor(reader: ServerReader, names: StoreNames) {
    this.#reader = reader;
    this.#names = names;
  }

  /** The events of a stream, in pages. No page waits for the caller at the server, so that he may take his time between two. */
  async *read(
    streamId: string,
    options?: ReadStreamOptions,
  ): AsyncGenerator<readonly RecordedEvent[], void, undefined> {
    const read = prepareStreamRead(streamId, options);
    const { holder } = this.#reader;
    const limitOf = () => this.#reader.limit(read.signal);
    const ahead = new ReadAhead(this.#reader);
    const cuts = new CutReads(holder, limitOf);
    const edge = new StreamEdge(this.#reader, this.#names.stream(streamId), read.isBackward, limitOf);
    holder.assertUsable(read);
    let { from, to, limit } = read;
    // The answer of such a read is always shorter than what it asks for.
    if (isOpenEnded(read)) edge.prepare();
    try {
      for (let isEnd = false; !isEnd && limit > 0 && from <= to && to > 0; ) {
        const portion = await this.#portion(ahead, read, { from, to, limit });
        holder.assertUsable(read);
        isEnd = portion === undefined;
        const page: RecordedEvent[] = [];
        for (const event of portion?.events ?? []) {
          const version = versionOf(event.revision);
          // What was removed is passed over by the server, which then gives what lies behind the range.
          if (version < from || version > to) {
            isEnd = true;
            break;
          }
          cuts.moved();
          if (read.isBackward) to = version - 1;
          else from = version + 1;
          const recorded = toRecorded(event, this.#names);
          if (recorded !== undefined) page.push(recorded);
        }
        limit -= page.length;
        if (page.length > 0) yield page;
        holder.assertUsable(read);
        if (isEnd || portion?.isEnd !== true || limit === 0 || from > to || to === 0) continue;
        isEnd = await asStoreError(streamId, edge.isReached({ from, to }));
        if (!isEnd) await asStoreError(streamId, cuts.again());
      }
    } finally {
      ahead.leave();
    }
  }

  /** The next events, or `undefined` when there is no such stream. */
  async #portion(
    ahead: ReadAhead,
    { streamId, isBackward, signal, pageSize }: StreamRead,
    { from, to, limit }: Left,
  ): Promise<Portion | undefined> {
    const most = Math.min(limit, to - Math.max(from, 1) + 1);
    const fromRevision = isBackward ? revisionFor(to) : BigInt(Math.max(from - 1, 0));
    const direction = isBackward ? "backwards" : "forwards";
    const stream = this.#names.stream(streamId);
    try {
      return await ahead.next(
        { count: Math.min(pageSize, most), most },
        this.#reader.limit(signal),
        (client, maxCount) => client.readStream(stream, { direction, fromRevision, maxCount }),
      );
    } catch (error) {
      if (error instanceof ServerFailure && (error.kind === "absent" || error.kind === "closed")) return undefined;
      throw toStoreError(error, doing(streamId));
    }
  }
}

function isOpenEnded({ isBackward, to, limit }: StreamRead): boolean {
  return !isBackward && to === Number.MAX_SAFE_INTEGER && limit >= Number.MAX_SAFE_INTEGER;
}

async function asStoreError<Result>(streamId: string, work: Promise<Result>): Promise<Result> {
  try {
    return await work;
  } catch (error) {
    throw toStoreError(error, doing(streamId));
  }
}

function doing(streamId: string): string {
  return `reading stream ${JSON.stringify(streamId)}`;
}

function revisionFor(version: number): bigint | "end" {
  return version === Number.MAX_SAFE_INTEGER ? "end" : BigInt(version - 1);
}
