import type { CallLimit } from "./call-limit.ts";
import type { Commit } from "./commit.ts";
import { MESSAGES_PER_FETCH } from "./limits.ts";
import type { LogSource } from "./log-source.ts";
import { subjectOf } from "./subjects.ts";

/** So many commits are looked up one by one before more are read at once. */
const SINGLE_STEPS = 2;
const FIRST_WINDOW = 16;
const LARGEST_WINDOW = 512;
const MAX_BYTES = 8 * 1024 * 1024;

/**
 * The commits of a stream from behind. A server only reads forward, so a window of the log that should hold some commits of the
 * stream is read in that direction, and given out in the other one. Windows grow while more is wanted; what is kept of one has an
 * upper bound, whatever it holds.
 */
export class CommitsBefore {
  readonly #source: LogSource;
  readonly #last: Commit;
  #steps = 0;
  #wanted = FIRST_WINDOW;
  /** In the order of the log. */
  #kept: Commit[] = [];

  constructor(source: LogSource, last: Commit) {
    this.#source = source;
    this.#last = last;
  }

  /** The commit before another one, `undefined` when it is missing; both are told apart by their sequences only. */
  async get(commit: Commit, limit: () => CallLimit): Promise<Commit | undefined> {
    this.#steps += 1;
    if (this.#kept.length === 0 && this.#steps > SINGLE_STEPS && commit.base > 1) await this.#read(commit, limit);
    const kept = this.#kept.pop();
    if (kept?.sequence === commit.previous) return kept;
    // Who delivers many at once may lag behind.
    this.#kept = [];
    return await this.#source.at(commit.previous, limit());
  }

  /** Reads what the window in front of a commit has of the stream. */
  async #read({ streamId, previous }: Commit, limit: () => CallLimit): Promise<void> {
    const { prefix } = this.#source;
    const averageGap = (this.#last.sequence - previous) / this.#steps;
    const after = Math.max(previous - Math.ceil(averageGap * this.#wanted), 0);
    this.#wanted = Math.min(this.#wanted * 2, LARGEST_WINDOW);
    const feed = this.#source.feed([subjectOf(prefix, streamId)], after, this.#wanted);
    let bytes = 0;
    try {
      for (let reached = after; reached < previous; ) {
        const { messages, isEnd } = await feed.fetch(Math.min(previous - reached, MESSAGES_PER_FETCH), limit());
        for (const message of messages) {
          reached = message.sequence;
          if (reached > previous) return;
          this.#kept.push(this.#source.commitOf(message));
          bytes += message.data.length;
        }
        bytes = this.#dropOldest(bytes);
        if (isEnd || messages.length === 0) return;
      }
    } finally {
      feed.close();
    }
  }

  #dropOldest(bytes: number): number {
    let left = bytes;
    let dropped = 0;
    const { length } = this.#kept;
    while (length - dropped > 1 && (left > MAX_BYTES || length - dropped > LARGEST_WINDOW)) {
      left -= this.#kept[dropped]?.body.length ?? 0;
      dropped += 1;
    }
    this.#kept.splice(0, dropped);
    return left;
  }
}
