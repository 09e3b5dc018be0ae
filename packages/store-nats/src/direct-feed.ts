import type { JetStreamApi } from "./jetstream-api.ts";
import type { CallLimit } from "./link.ts";
import { bytesPerFetch, FeedInbox, type FeedOptions, type FetchedMessages, type MessageFeed } from "./message-feed.ts";
import { RequestFailure } from "./request-failure.ts";
import { fromDirectGet } from "./stored-message.ts";

/** Messages on one subject by direct gets of many at once, which leave nothing behind on the server. Since nats-server 2.11. */
export class DirectFeed implements MessageFeed {
  readonly #api: JetStreamApi;
  readonly #stream: string;
  readonly #subject: string;
  readonly #inbox: FeedInbox;
  #after: number;

  constructor(api: JetStreamApi, options: Omit<FeedOptions, "subjects"> & { readonly subject: string }) {
    this.#api = api;
    this.#stream = options.stream;
    this.#subject = options.subject;
    this.#after = options.after;
    this.#inbox = new FeedInbox(api, (message, fetching) => {
      const status = message.headers?.code ?? 0;
      if (status === 0) {
        fetching.add(fromDirectGet(message));
      } else if (status === 204 || status === 404) {
        // At the end of a batch the server says how many more there are.
        fetching.end(status === 404 || message.headers?.get("Nats-Num-Pending") === "0");
      } else {
        fetching.fail(new RequestFailure("nobody", `direct get failed (status ${status})`));
      }
    });
  }

  async fetch(count: number, call: CallLimit): Promise<FetchedMessages> {
    return await this.#api.persist("messages", call, async () => {
      const request = {
        seq: this.#after + 1,
        next_by_subj: this.#subject,
        batch: count,
        max_bytes: bytesPerFetch(this.#api),
      };
      const subject = `${this.#api.prefix}.DIRECT.GET.${this.#stream}`;
      const fetched = await this.#inbox.request(subject, request, call);
      this.#after = fetched.messages.at(-1)?.sequence ?? this.#after;
      return fetched;
    });
  }

  close(): void {
    this.#inbox.close();
  }
}
