import type { CallLimit } from "./call-limit.ts";
import { type Commit, toCommit } from "./commit.ts";
import { ConsumerFeed } from "./consumer-feed.ts";
import { DirectFeed } from "./direct-feed.ts";
import type { ServerFeatures } from "./features.ts";
import type { JetStreamApi } from "./jetstream-api.ts";
import type { Link } from "./link.ts";
import type { MessageFeed } from "./message-feed.ts";
import { EVERYTHING, MessageLookup } from "./message-lookup.ts";
import type { StoredMessage } from "./stored-message.ts";
import { StreamCheck } from "./stream-check.ts";
import { streamIdOfSubject, subjectOf } from "./subjects.ts";

/** More messages than that come faster through a consumer, which takes three requests more. */
const MOST_BY_DIRECT_GET = 256;

const MAX_STREAM_IDS = 1_000;

/** The commits of one event store, as its JetStream stream keeps them. */
export class LogSource {
  readonly api: JetStreamApi;
  /** First token of all subjects. */
  readonly prefix: string;
  readonly stream: string;
  readonly lookup: MessageLookup;
  readonly check: StreamCheck;
  readonly features: ServerFeatures;
  readonly #timeoutMs: number;
  /** Whether the stream itself answers direct gets of many at once. */
  #hasDirectBatches: boolean;
  /** By subject: neighbours in the log are of few streams. */
  readonly #streamIds = new Map<string, string>();

  constructor(options: {
    readonly api: JetStreamApi;
    readonly prefix: string;
    readonly stream: string;
    readonly identity: string;
    readonly features: ServerFeatures;
    readonly timeoutMs: number;
  }) {
    this.api = options.api;
    this.prefix = options.prefix;
    this.stream = options.stream;
    this.features = options.features;
    this.#timeoutMs = options.timeoutMs;
    this.#hasDirectBatches = options.features.hasDirectBatches;
    this.lookup = new MessageLookup(options.api, options.stream);
    this.check = new StreamCheck(options.api, options.stream, options.identity);
  }

  get link(): Link {
    return this.api.link;
  }

  /** The limit of a call that begins now. */
  limit(signal: AbortSignal | undefined): CallLimit {
    return { deadline: performance.now() + this.#timeoutMs, signal };
  }

  /** The newest commit of all. */
  async head(call: CallLimit): Promise<Commit | undefined> {
    return this.#commit(await this.lookup.last(EVERYTHING, call));
  }

  /** The newest commit of a stream. */
  async last(streamId: string, call: CallLimit): Promise<Commit | undefined> {
    return this.#commit(await this.lookup.last(subjectOf(this.prefix, streamId), call));
  }

  /** The commit of a stream that follows the one with this sequence. */
  async next(streamId: string, after: number, call: CallLimit): Promise<Commit | undefined> {
    return this.#commit(await this.lookup.next(subjectOf(this.prefix, streamId), after, call));
  }

  /** The commit with this sequence. */
  async at(sequence: number, call: CallLimit): Promise<Commit | undefined> {
    return this.#commit(await this.lookup.at(sequence, call));
  }

  /**
   * The commits on some subjects behind a sequence, of which about so many are expected. Who delivers them may lag behind the
   * newest.
   */
  feed(subjects: readonly string[], after: number, expected: number): MessageFeed {
    const { api, stream } = this;
    const [subject = "", ...others] = subjects;
    if (others.length > 0 || !this.#hasDirectBatches || expected > MOST_BY_DIRECT_GET) {
      return new ConsumerFeed(api, { stream, subjects, after });
    }
    const onUnfit = (): void => {
      this.#hasDirectBatches = false;
    };
    return new DirectFeed(api, { stream, subject, after, onUnfit });
  }

  /** @throws StoreCorruptError when the message is none of this store */
  commitOf(message: StoredMessage): Commit {
    const { subject } = message;
    let streamId = this.#streamIds.get(subject);
    if (streamId === undefined) {
      streamId = streamIdOfSubject(this.prefix, subject);
      if (this.#streamIds.size >= MAX_STREAM_IDS) this.#streamIds.clear();
      if (streamId !== undefined) this.#streamIds.set(subject, streamId);
    }
    return toCommit(message, streamId);
  }

  #commit(message: StoredMessage | undefined): Commit | undefined {
    return message === undefined ? undefined : this.commitOf(message);
  }
}
