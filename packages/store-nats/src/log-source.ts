import { type Commit, toCommit } from "./commit.ts";
import { ConsumerFeed } from "./consumer-feed.ts";
import { DirectFeed } from "./direct-feed.ts";
import type { ServerFeatures } from "./features.ts";
import type { JetStreamApi } from "./jetstream-api.ts";
import type { CallLimit, Link } from "./link.ts";
import type { MessageFeed } from "./message-feed.ts";
import { EVERYTHING, MessageLookup } from "./message-lookup.ts";
import { subjectOf } from "./subjects.ts";

/** The commits of one event store, as its JetStream stream keeps them. */
export class LogSource {
  readonly api: JetStreamApi;
  /** First token of all subjects. */
  readonly prefix: string;
  readonly stream: string;
  readonly lookup: MessageLookup;
  readonly features: ServerFeatures;
  /** Whether the stream has several replicas, of which some may lag behind. */
  readonly isReplicated: boolean;
  readonly #timeoutMs: number;

  constructor(options: {
    readonly api: JetStreamApi;
    readonly prefix: string;
    readonly stream: string;
    readonly features: ServerFeatures;
    readonly isReplicated: boolean;
    readonly timeoutMs: number;
  }) {
    this.api = options.api;
    this.prefix = options.prefix;
    this.stream = options.stream;
    this.features = options.features;
    this.isReplicated = options.isReplicated;
    this.#timeoutMs = options.timeoutMs;
    this.lookup = new MessageLookup(options.api, options.stream, options.isReplicated);
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
    const message = await this.lookup.last(EVERYTHING, call);
    return message === undefined ? undefined : toCommit(message, this.prefix);
  }

  /** The newest commit of a stream. */
  async last(streamId: string, call: CallLimit): Promise<Commit | undefined> {
    const message = await this.lookup.last(subjectOf(this.prefix, streamId), call);
    return message === undefined ? undefined : toCommit(message, this.prefix);
  }

  /** The commit of a stream that follows the one with this sequence. */
  async next(streamId: string, after: number, call: CallLimit): Promise<Commit | undefined> {
    const message = await this.lookup.next(subjectOf(this.prefix, streamId), after, call);
    return message === undefined ? undefined : toCommit(message, this.prefix);
  }

  /** The commit with this sequence. */
  async at(sequence: number, call: CallLimit): Promise<Commit | undefined> {
    const message = await this.lookup.at(sequence, call);
    return message === undefined ? undefined : toCommit(message, this.prefix);
  }

  /** The commits on some subjects behind a sequence. */
  feed(subjects: readonly string[], after: number): MessageFeed {
    const { api, stream } = this;
    const [subject = "", ...others] = subjects;
    return others.length === 0 && this.features.hasDirectBatches
      ? new DirectFeed(api, { stream, subject, after })
      : new ConsumerFeed(api, { stream, subjects, after });
  }
}
