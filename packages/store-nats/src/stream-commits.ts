import { StoreCorruptError, StoreUnavailableError } from "@es/core";
import type { CallLimit } from "./call-limit.ts";
import type { Commit } from "./commit.ts";
import { CommitsBefore } from "./commits-before.ts";
import type { KnownStreams } from "./known-streams.ts";
import { MESSAGES_PER_FETCH } from "./limits.ts";
import type { LogSource } from "./log-source.ts";
import { subjectOf } from "./subjects.ts";

/** So many events at the end of a stream are looked up from behind; more are read from the front. */
const SHORT_TAIL = 16;
const LAG_PAUSE_MS = 10;

/** In pieces, since one by one they would cost more than what they hold. */
export type Commits = AsyncGenerator<readonly Commit[], void, undefined>;

/** Versions of a stream. */
export interface Range {
  readonly streamId: string;
  readonly from: number;
  readonly to: number;
}

/** Reads the commits of streams, and makes sure that none of them is missing. */
export class StreamCommits {
  readonly #source: LogSource;
  readonly #known: KnownStreams;

  constructor(source: LogSource, known: KnownStreams) {
    this.#source = source;
    this.#known = known;
  }

  /** The commits that hold the range, from its lowest version on. */
  async *forward(read: Range, limit: () => CallLimit): Commits {
    const call = limit();
    await this.#source.check.assertSame(call);
    const known = this.#known.get(read.streamId);
    const last = await this.#last(read, call);
    if (last === undefined) return;
    if (read.from > last.base) {
      yield [last];
      return;
    }
    if (last.base + last.count - read.from < SHORT_TAIL) {
      const tail: Commit[] = [];
      for await (const commit of this.#fromBehind(last, read.from, limit)) tail.push(commit);
      yield tail.toReversed();
      return;
    }
    // What was known to come before the range need not be read.
    const start = known !== undefined && known.version < read.from ? known : { sequence: 0, version: 0 };
    yield* this.#fromFront(read, start, last, limit);
  }

  /** The commits that hold the range, from its highest version on. */
  async *backward(read: Range, limit: () => CallLimit): Commits {
    const call = limit();
    await this.#source.check.assertSame(call);
    const last = await this.#last(read, call);
    if (last === undefined) return;
    for await (const commit of this.#fromBehind(last, read.from, limit)) {
      if (commit.base < read.to) yield [commit];
    }
  }

  /** The newest commit, if the range reaches into the stream at all. */
  async #last({ streamId, from, to }: Range, call: CallLimit): Promise<Commit | undefined> {
    if (from > to) return undefined;
    const last = await this.#source.last(streamId, call);
    if (last !== undefined) this.#known.learn(streamId, { sequence: last.sequence, version: last.base + last.count });
    return last === undefined || last.base + last.count < from ? undefined : last;
  }

  /** Follows the chain of commits backwards, down to the one that holds version `from`. */
  async *#fromBehind(last: Commit, from: number, limit: () => CallLimit): AsyncGenerator<Commit, void, undefined> {
    const before = new CommitsBefore(this.#source, last);
    for (let commit = last; ; ) {
      yield commit;
      if (commit.base < from || commit.base === 0) return;
      const found = await before.get(commit, limit);
      if (found?.streamId !== commit.streamId || found.base + found.count !== commit.base) throw broken(commit);
      commit = found;
    }
  }

  /** The break is in the log, or only in what one server of a cluster has of it. */
  async #breakBefore(commit: Commit, after: number, call: CallLimit): Promise<Error> {
    const { lookup, prefix } = this.#source;
    const next = await lookup.nextOfLeader(subjectOf(prefix, commit.streamId), after, call);
    return next !== undefined && next.sequence < commit.sequence
      ? new StoreUnavailableError(
          `a server of the cluster has lost the commit at sequence ${next.sequence}, which its leader has; try again, and repair that server`,
        )
      : broken(commit);
  }

  async *#fromFront(
    { streamId, to }: Range,
    start: { readonly sequence: number; readonly version: number },
    last: Commit,
    limit: () => CallLimit,
  ): Commits {
    const { prefix, link } = this.#source;
    const expected = Math.min(to, last.base + last.count) - start.version;
    const feed = this.#source.feed([subjectOf(prefix, streamId)], start.sequence, expected);
    try {
      let { version, sequence } = start;
      let call = limit();
      while (sequence < last.sequence && version < to) {
        const count = Math.min(last.base + last.count - version, MESSAGES_PER_FETCH);
        const { messages } = await feed.fetch(count, call);
        if (messages.length === 0) {
          // The leader has told of a commit that the one who answers has not got yet.
          if (performance.now() + LAG_PAUSE_MS > call.deadline) throw lagging();
          await link.pause(LAG_PAUSE_MS, call);
          continue;
        }
        const commits: Commit[] = [];
        for (const message of messages) {
          const commit = this.#source.commitOf(message);
          if (commit.base !== version || commit.previous !== sequence) {
            throw await this.#breakBefore(commit, sequence, call);
          }
          version += commit.count;
          sequence = commit.sequence;
          commits.push(commit);
          if (version >= to || sequence >= last.sequence) break;
        }
        yield commits;
        call = limit();
      }
    } finally {
      feed.close();
    }
  }
}

function broken({ streamId, sequence, base }: Commit): StoreCorruptError {
  return new StoreCorruptError(
    `stream ${JSON.stringify(streamId)} is broken before version ${base + 1}: the commit before sequence ${sequence} is missing or another one; the server has lost messages, restore a backup`,
  );
}

function lagging(): StoreUnavailableError {
  return new StoreUnavailableError(
    "the server that answers has not got the newest events in time; try again, and look at the state of the cluster",
  );
}
