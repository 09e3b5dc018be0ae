import type { CallLimit } from "./call-limit.ts";
import type { JetStreamApi } from "./jetstream-api.ts";
import type { Link } from "./link.ts";
import type { Msg } from "@nats-io/transport-node";
import {
  bytesPerFetch,
  FeedInbox,
  type FeedOptions,
  type FetchedMessages,
  type Fetching,
  type MessageFeed,
} from "./message-feed.ts";
import { RequestFailure } from "./request-failure.ts";
import { type DeliveredMessage, fromConsumer } from "./stored-message.ts";

const NANOSECONDS = 1_000_000;
/** The server removes a consumer that nobody has asked for so long, such as that of a process that died. */
const INACTIVE_MS = 10_000;

interface LiveConsumer {
  readonly name: string;
  readonly inbox: FeedInbox;
  /** Which connection it was made on. */
  readonly connections: number;
  /** How many messages it has sent. */
  delivered: number;
  usedAt: number;
}

/** Whether it should be there still. One that is not would only be noticed by its silence. */
function isThere({ connections, usedAt }: LiveConsumer, link: Link): boolean {
  return connections === link.connections && performance.now() - usedAt < INACTIVE_MS / 2;
}

interface ConsumerAnswer {
  readonly name: string;
  readonly num_pending: number;
}

/**
 * Messages through a consumer that lives in the server's memory for as long as the read. When it is lost, by a restart of the
 * server or a pause of the reader, another one goes on behind the last message that came.
 */
export class ConsumerFeed implements MessageFeed {
  readonly #api: JetStreamApi;
  readonly #options: FeedOptions;
  readonly #maxBytes: number;
  #after: number;
  #consumer: LiveConsumer | undefined;
  #wanted = 0;

  constructor(api: JetStreamApi, options: FeedOptions) {
    this.#api = api;
    this.#options = options;
    this.#after = options.after;
    this.#maxBytes = bytesPerFetch(api);
  }

  async fetch(count: number, call: CallLimit): Promise<FetchedMessages> {
    return await this.#api.persist("messages", call, async () => {
      const { link } = this.#api;
      if (this.#consumer !== undefined && !isThere(this.#consumer, link)) this.#leave();
      try {
        if (this.#consumer === undefined) {
          const { connections } = link;
          const { name, num_pending } = await this.#create(call);
          const inbox = new FeedInbox(this.#api, (message, fetching) => this.#receive(message, fetching));
          this.#consumer = { name, inbox, connections, delivered: 0, usedAt: performance.now() };
          if (num_pending === 0) return { messages: [], isEnd: true };
        }
        const { name, inbox } = this.#consumer;
        this.#consumer.usedAt = performance.now();
        this.#wanted = count;
        const subject = `${this.#api.prefix}.CONSUMER.MSG.NEXT.${this.#options.stream}.${name}`;
        const request = { batch: count, max_bytes: this.#maxBytes, no_wait: true };
        const fetched = await inbox.request(subject, request, call);
        this.#after = fetched.messages.at(-1)?.sequence ?? this.#after;
        return fetched;
      } catch (error) {
        // What it has sent meanwhile is not known, so it cannot go on.
        this.#leave();
        throw error;
      }
    });
  }

  close(): void {
    this.#leave();
  }

  #receive(message: Msg, fetching: Fetching): void {
    const status = message.headers?.code ?? 0;
    if (status === 100) return;
    const isFull = status === 409 && /maxbytes/i.test(message.headers?.description ?? "");
    if (status === 404 || status === 408 || isFull) {
      fetching.end(status === 404 && fetching.messages.length === 0);
    } else if (status !== 0) {
      fetching.fail(new RequestFailure("nobody", `the consumer is gone (status ${status})`));
    } else {
      this.#take(fromConsumer(message), fetching);
    }
  }

  #take(message: DeliveredMessage, fetching: Fetching): void {
    const consumer = this.#consumer;
    if (consumer === undefined) return;
    consumer.delivered += 1;
    if (message.delivery !== consumer.delivered) {
      // One came when nobody was listening for it.
      fetching.fail(new RequestFailure("unanswered", "a message of the consumer was missed"));
      return;
    }
    fetching.add(message);
    if (message.pending === 0 || fetching.messages.length >= this.#wanted) fetching.end(message.pending === 0);
  }

  async #create(call: CallLimit): Promise<ConsumerAnswer> {
    const { stream, subjects } = this.#options;
    const [only] = subjects;
    const filter = subjects.length === 1 ? { filter_subject: only } : { filter_subjects: subjects };
    const config = {
      deliver_policy: "by_start_sequence",
      opt_start_seq: this.#after + 1,
      ack_policy: "none",
      replay_policy: "instant",
      inactive_threshold: INACTIVE_MS * NANOSECONDS,
      mem_storage: true,
      num_replicas: 1,
      headers_only: this.#options.isHeadersOnly ?? false,
      ...filter,
    };
    return await this.#api.ask(`CONSUMER.CREATE.${stream}`, { stream_name: stream, config }, call);
  }

  #leave(): void {
    const { link, prefix } = this.#api;
    if (this.#consumer === undefined) return;
    this.#consumer.inbox.close();
    if (!link.client.isClosed() && !link.client.isDraining()) {
      // Without waiting: the server removes it by itself when this gets lost.
      link.client.publish(`${prefix}.CONSUMER.DELETE.${this.#options.stream}.${this.#consumer.name}`);
    }
    this.#consumer = undefined;
  }
}
