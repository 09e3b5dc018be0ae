import { type ReadStreamOptions, type RecordedEvent } from "@es/core";
import { prepareStreamRead, type StreamRead } from "@es/core/adapter";
import { CutReads } from "./cut-reads.ts";
import { toRecorded, versionOf } from "./event-mapping.ts";
import type { IncomingEvent } from "./kurrent-client.ts";
import type { StoreNames } from "./names.ts";
import { FIRST_PAGES, type Portion, ReadAhead } from "./read-ahead.ts";
import { isNoStream } from "./server-failure.ts";
import type { ServerReader } from "./server-reader.ts";
import { toStoreError } from "./store-error.ts";
import { StreamEdge } from "./stream-edge.ts";

/** Most events of a stream that is read by one call. */
const SHORT_STREAM = 1_000;

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
    this.#reader.holder.assertUsable(read);
    if (!isOpenEnded(read) || read.from > 1) return void (yield* this.#range(read));
    // The last events are read first: most streams have no more, and that their first one is among them shows that they are whole.
    const tail = await asStoreError(streamId, this.#tail(read));
    if (tail === undefined) return;
    const [first] = tail;
    if (first === undefined) return void (yield* this.#range(read));
    const before = { ...read, to: versionOf(first.revision) - 1 };
    const isJoined = before.to === 0 || (yield* this.#range(before));
    if (!isJoined) return;
    for (let index = 0; index < tail.length; index += read.pageSize) {
      this.#reader.holder.assertUsable(read);
      const page = this.#toPage(tail.slice(index, index + read.pageSize));
      if (page.length > 0) yield page;
    }
  }

  /** The last events of a stream, in their order; `undefined` when there is no such stream. */
  async #tail({ streamId, signal, pageSize }: StreamRead): Promise<readonly IncomingEvent[] | undefined> {
    // Who asks for small pages may want few of them.
    const range = { from: "end", isBackward: true, count: Math.min(FIRST_PAGES * pageSize, SHORT_STREAM) } as const;
    try {
      return (
        await this.#reader.askStream(this.#names.stream(streamId), range, this.#reader.limit(signal))
      ).toReversed();
    } catch (error) {
      if (isNoStream(error)) return undefined;
      throw error;
    }
  }

  /** The events of a range. Returns whether it came to its end, where the stream has not ended before. */
  async *#range(read: StreamRead): AsyncGenerator<readonly RecordedEvent[], boolean, undefined> {
    const { streamId } = read;
    const { holder } = this.#reader;
    const limitOf = () => this.#reader.limit(read.signal);
    const ahead = new ReadAhead(this.#reader);
    const cuts = new CutReads(holder, limitOf);
    const edge = new StreamEdge(this.#reader, this.#names.stream(streamId), read.isBackward, limitOf);
    let { from, to, limit } = read;
    // The answer of such a read is always shorter than what it asks for.
    if (isOpenEnded(read)) edge.prepare();
    try {
      while (limit > 0 && from <= to && to > 0) {
        const portion = await this.#portion(ahead, read, { from, to, limit });
        holder.assertUsable(read);
        if (portion === undefined) return false;
        // What was removed is passed over by the server, which then gives what lies behind the range.
        const outside = portion.events.findIndex(
          ({ revision }) => versionOf(revision) < from || versionOf(revision) > to,
        );
        const events = outside === -1 ? portion.events : portion.events.slice(0, outside);
        const last = events.at(-1);
        if (last !== undefined) {
          cuts.moved();
          if (read.isBackward) to = versionOf(last.revision) - 1;
          else from = versionOf(last.revision) + 1;
        }
        const page = this.#toPage(events);
        limit -= page.length;
        if (page.length > 0) yield page;
        holder.assertUsable(read);
        if (outside !== -1) return true;
        if (!portion.isEnd || limit === 0 || from > to || to === 0) continue;
        if (await asStoreError(streamId, edge.isReached({ from, to }))) return false;
        await asStoreError(streamId, cuts.again());
      }
      return true;
    } finally {
      ahead.leave();
    }
  }

  #toPage(events: readonly IncomingEvent[]): readonly RecordedEvent[] {
    const page: RecordedEvent[] = [];
    for (const event of events) {
      const recorded = toRecorded(event, this.#names);
      if (recorded !== undefined) page.push(recorded);
    }
    return page;
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
      if (isNoStream(error)) return undefined;
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
