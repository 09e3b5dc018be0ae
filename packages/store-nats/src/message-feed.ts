import { createInbox, type Msg } from "@nats-io/transport-node";
import type { CallLimit } from "./call-limit.ts";
import type { JetStreamApi } from "./jetstream-api.ts";
import { ATTEMPT_MS, BYTES_PER_FETCH } from "./limits.ts";
import type { NatsSubscription } from "./nats-connection.ts";
import { RequestFailure } from "./request-failure.ts";
import type { StoredMessage } from "./stored-message.ts";

/** Messages that came in one piece. */
export interface FetchedMessages {
  readonly messages: readonly StoredMessage[];
  /** Whether the server that answered had no more. */
  readonly isEnd: boolean;
}

/** Gives messages in the order of their sequences, in pieces. It may be left at any time by closing it. */
export interface MessageFeed {
  /** The next ones, at most so many. @throws StoreUnavailableError when they do not come in time */
  fetch(count: number, call: CallLimit): Promise<FetchedMessages>;
  close(): void;
}

/** What a feed gives. */
export interface FeedOptions {
  readonly stream: string;
  /** Messages on any of these subjects. */
  readonly subjects: readonly string[];
  /** Behind this sequence. */
  readonly after: number;
  /** Without the bodies. */
  readonly isHeadersOnly?: boolean;
}

/** Receives the messages that answer one request, until `isLast` says so. */
export class Fetching {
  readonly messages: StoredMessage[] = [];
  readonly done: Promise<boolean>;
  readonly #resolve: (isEnd: boolean) => void;
  readonly #reject: (error: Error) => void;
  #heardAt = performance.now();

  constructor() {
    const { promise, resolve, reject } = Promise.withResolvers<boolean>();
    this.done = promise;
    this.#resolve = resolve;
    this.#reject = reject;
    // Nobody may be waiting yet, or any more.
    promise.catch(() => undefined);
  }

  /** When something came last. */
  get heardAt(): number {
    return this.#heardAt;
  }

  add(message: StoredMessage): void {
    this.#heardAt = performance.now();
    this.messages.push(message);
  }

  end(isEnd: boolean): void {
    this.#resolve(isEnd);
  }

  fail(error: Error): void {
    this.#reject(error);
  }
}

/** An inbox for the answers of one feed, which tells those of the current request from late ones of earlier requests. */
export class FeedInbox {
  readonly #api: JetStreamApi;
  readonly #base = createInbox();
  readonly #onMessage: (message: Msg, fetching: Fetching) => void;
  #subscription: NatsSubscription | undefined;
  #count = 0;
  #current: Fetching | undefined;

  constructor(api: JetStreamApi, onMessage: (message: Msg, fetching: Fetching) => void) {
    this.#api = api;
    this.#onMessage = onMessage;
  }

  /** Sends a request and waits for all its answers. Fails when for some time none comes. */
  async request(subject: string, body: unknown, call: CallLimit): Promise<FetchedMessages> {
    const { link } = this.#api;
    await link.untilConnected(call);
    this.#subscription ??= link.client.subscribe(`${this.#base}.*`, {
      callback: (error, message) => this.#receive(error, message),
    });
    this.#count += 1;
    const fetching = new Fetching();
    this.#current = fetching;
    link.client.publish(subject, JSON.stringify(body), { reply: `${this.#base}.${this.#count}` });
    const silence = () => new RequestFailure("unanswered", "the server stopped sending");
    for (;;) {
      const heardAt = fetching.heardAt;
      try {
        const isEnd = await link.answer(fetching.done, call, { subject, limitMs: ATTEMPT_MS, tooLate: silence });
        return { messages: fetching.messages, isEnd };
      } catch (error) {
        const isSlow = fetching.heardAt > heardAt && performance.now() < call.deadline;
        if (!(error instanceof RequestFailure && isSlow && error.message === silence().message)) throw error;
      }
    }
  }

  close(): void {
    this.#current = undefined;
    if (!this.#api.link.client.isClosed()) this.#subscription?.unsubscribe();
    this.#subscription = undefined;
  }

  #receive(error: Error | null, message: Msg): void {
    const fetching = this.#current;
    if (fetching === undefined) return;
    if (error !== null) {
      fetching.fail(error);
      return;
    }
    // A message of a consumer comes with its own subject; the consumer counts those itself.
    if (message.subject.startsWith(this.#base) && message.subject !== `${this.#base}.${this.#count}`) return;
    this.#onMessage(message, fetching);
  }
}

/** Bytes to ask for at once. One message may be as large as the server takes. */
export function bytesPerFetch(api: JetStreamApi): number {
  return Math.max(BYTES_PER_FETCH, (api.link.client.info?.max_payload ?? 0) * 2);
}
