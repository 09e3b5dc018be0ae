import type { Msg } from "@nats-io/transport-node";
import type { CallLimit } from "./call-limit.ts";
import { ConsumerFeed } from "./consumer-feed.ts";
import type { JetStreamApi } from "./jetstream-api.ts";
import {
  bytesPerFetch,
  FeedInbox,
  type FeedOptions,
  type FetchedMessages,
  type Fetching,
  type MessageFeed,
} from "./message-feed.ts";
import { RequestFailure } from "./request-failure.ts";
import { fromDirectGet, streamOf } from "./stored-message.ts";

interface DirectFeedOptions extends Omit<FeedOptions, "subjects"> {
  readonly subject: string;
  /** Called when direct gets cannot be used. */
  readonly onUnfit: () => void;
}

/**
 * Messages on one subject by direct gets of many at once, which leave nothing behind on the server. Since nats-server 2.11. When a
 * mirror answers, which may lack messages, or a server that is too old, a consumer goes on in its place.
 */
export class DirectFeed implements MessageFeed {
  readonly #api: JetStreamApi;
  readonly #options: DirectFeedOptions;
  readonly #inbox: FeedInbox;
  #after: number;
  #isUnfit = false;
  #instead: MessageFeed | undefined;

  constructor(api: JetStreamApi, options: DirectFeedOptions) {
    this.#api = api;
    this.#options = options;
    this.#after = options.after;
    this.#inbox = new FeedInbox(api, (message, fetching) => this.#receive(message, fetching));
  }

  async fetch(count: number, call: CallLimit): Promise<FetchedMessages> {
    if (this.#instead !== undefined) return await this.#instead.fetch(count, call);
    const { stream, subject: filter, onUnfit } = this.#options;
    const fetched = await this.#api.persist("messages", call, async () => {
      const request = {
        seq: this.#after + 1,
        next_by_subj: filter,
        batch: count,
        max_bytes: bytesPerFetch(this.#api),
      };
      return await this.#inbox.request(`${this.#api.prefix}.DIRECT.GET.${stream}`, request, call);
    });
    if (this.#isUnfit) {
      onUnfit();
      this.#inbox.close();
      this.#instead = new ConsumerFeed(this.#api, { stream, subjects: [filter], after: this.#after });
      return await this.#instead.fetch(count, call);
    }
    this.#after = fetched.messages.at(-1)?.sequence ?? this.#after;
    return fetched;
  }

  close(): void {
    this.#inbox.close();
    this.#instead?.close();
  }

  #receive(message: Msg, fetching: Fetching): void {
    const status = message.headers?.code ?? 0;
    if (status === 404) {
      fetching.end(true);
    } else if (status !== 0 && status !== 204) {
      fetching.fail(new RequestFailure("nobody", `direct get failed (status ${status})`));
    } else if (status === 0 && (streamOf(message) !== this.#options.stream || !message.headers?.has(PENDING))) {
      this.#isUnfit = true;
      fetching.end(false);
    } else if (Number(message.headers?.get(BEFORE)) !== (fetching.messages.at(-1)?.sequence ?? 0)) {
      // On its way between servers of a cluster one may get lost.
      fetching.fail(new RequestFailure("unanswered", "a message of a direct get was missed"));
    } else if (status === 0) {
      fetching.add(fromDirectGet(message));
    } else {
      // At the end of a batch the server says how many more there are.
      fetching.end(message.headers?.get(PENDING) === "0");
    }
  }
}

const PENDING = "Nats-Num-Pending";
/** Names the message before in the same answer; 0: it is the first. */
const BEFORE = "Nats-Last-Sequence";
