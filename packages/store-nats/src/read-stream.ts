import type { ReadStreamOptions, RecordedEvent } from "@es/core";
import { prepareStreamRead, type StreamRead } from "@es/core/adapter";
import type { CallLimit } from "./call-limit.ts";
import { type Commit, eventsOf } from "./commit.ts";
import type { KnownStreams } from "./known-streams.ts";
import type { LogSource } from "./log-source.ts";
import { toStoreError } from "./store-error.ts";
import { type Commits, type Range, StreamCommits } from "./stream-commits.ts";

/** Reads streams. */
export class StreamReader {
  readonly #source: LogSource;
  readonly #commits: StreamCommits;

  constructor(source: LogSource, known: KnownStreams) {
    this.#source = source;
    this.#commits = new StreamCommits(source, known);
  }

  /** The pages of one stream. Events appended after the read began are not part of it. */
  async *read(
    streamId: string,
    options?: ReadStreamOptions,
  ): AsyncGenerator<readonly RecordedEvent[], void, undefined> {
    const read = prepareStreamRead(streamId, options);
    this.#source.link.assertUsable(read);
    let remaining = read.limit;
    let page: RecordedEvent[] = [];
    if (remaining === 0) return;
    for await (const commits of this.#read(read)) {
      for (const commit of commits) {
        for (const event of selected(commit, read)) {
          page.push(event);
          remaining -= 1;
          if (page.length < read.pageSize && remaining > 0) continue;
          this.#source.link.assertUsable(read);
          yield page;
          page = [];
          if (remaining === 0) return;
          this.#source.link.assertUsable(read);
        }
      }
    }
    if (page.length > 0) yield page;
  }

  /** The events of a stream behind a version, as many as are asked for and there. */
  async eventsBehind(streamId: string, version: number, count: number, call: CallLimit): Promise<RecordedEvent[]> {
    const events: RecordedEvent[] = [];
    const read = { from: version + 1, to: version + count, isBackward: false, streamId, signal: call.signal };
    for await (const commits of this.#commits.forward(read, () => call)) {
      for (const commit of commits) events.push(...selected(commit, read));
    }
    return events;
  }

  async *#read(read: StreamRead): Commits {
    const limit = (): CallLimit => this.#source.limit(read.signal);
    try {
      yield* read.isBackward ? this.#commits.backward(read, limit) : this.#commits.forward(read, limit);
    } catch (error) {
      throw toStoreError(error, `reading stream ${JSON.stringify(read.streamId)}`);
    }
  }
}

function selected(
  commit: Commit,
  { from, to, isBackward }: Range & { readonly isBackward: boolean },
): readonly RecordedEvent[] {
  if (commit.base + commit.count < from) return [];
  const all = eventsOf(commit);
  const isWhole = commit.base >= from - 1 && commit.base + commit.count <= to;
  const events = isWhole ? all : all.filter(({ version }) => version >= from && version <= to);
  return isBackward ? events.toReversed() : events;
}
