import { AbortedError, type EventSourcingError } from "@es/core";
import { createInbox, type Msg, type MsgHdrs } from "@nats-io/transport-node";
import type { NatsClient, NatsSubscription } from "./nats-connection.ts";
import { RequestFailure } from "./request-failure.ts";
import { toStoreError } from "./store-error.ts";

/** How often requests that are too late are looked for. */
const SWEEP_MS = 20;

/** A request to send. */
export interface OutgoingRequest {
  readonly subject: string;
  readonly payload: Uint8Array | string;
  readonly headers: MsgHdrs | undefined;
  readonly limitMs: number;
  readonly signal: AbortSignal | undefined;
  /** Whether closing the store does not end it. */
  readonly mustSettle: boolean;
}

interface Pending {
  readonly request: OutgoingRequest;
  readonly deadline: number;
  resolve(message: Msg): void;
  fail(error: Error): void;
}

/**
 * Requests with one answer each, which all come to one subscription. The client could do that itself, at the price of a timer and two
 * errors for each request.
 */
export class Requests {
  readonly #client: NatsClient;
  readonly #inbox = createInbox();
  readonly #pending = new Map<string, Pending>();
  #subscription: NatsSubscription | undefined;
  #sweep: NodeJS.Timeout | undefined;
  #count = 0;

  constructor(client: NatsClient) {
    this.#client = client;
  }

  /** @throws RequestFailure when there is no answer */
  async send(request: OutgoingRequest): Promise<Msg> {
    this.#subscription ??= this.#client.subscribe(`${this.#inbox}.*`, {
      callback: (error, message) => this.#receive(error, message),
    });
    this.#count += 1;
    const token = this.#count.toString(36);
    const { subject, payload, headers, signal, limitMs } = request;
    return await new Promise<Msg>((resolve, reject) => {
      const leave = (): void => {
        this.#pending.delete(token);
        signal?.removeEventListener("abort", onAbort);
      };
      const fail = (error: Error): void => {
        leave();
        reject(error);
      };
      const onAbort = (): void => fail(new AbortedError("the operation was aborted", { cause: signal?.reason }));
      const done = (message: Msg): void => {
        leave();
        resolve(message);
      };
      this.#pending.set(token, { request, deadline: performance.now() + limitMs, resolve: done, fail });
      signal?.addEventListener("abort", onAbort, { once: true });
      this.#sweep ??= setInterval(() => this.#endLate(), SWEEP_MS);
      try {
        const reply = `${this.#inbox}.${token}`;
        this.#client.publish(subject, payload, headers === undefined ? { reply } : { reply, headers });
      } catch (error) {
        leave();
        throw error;
      }
    });
  }

  /** Ends all that `error` gives an error for. */
  failWhere(error: (request: OutgoingRequest) => Error | undefined): void {
    for (const { request, fail } of this.#pending.values()) {
      const failure = error(request);
      if (failure !== undefined) fail(failure);
    }
  }

  /** Ends the subscription; what is under way may go on to its limit. */
  close(): void {
    if (this.#pending.size > 0) return;
    clearInterval(this.#sweep);
    if (!this.#client.isClosed()) this.#subscription?.unsubscribe();
    this.#subscription = undefined;
  }

  #receive(error: Error | null, message: Msg): void {
    if (error !== null) {
      const refused: EventSourcingError = toStoreError(error, "listening for answers");
      this.#subscription = undefined;
      this.failWhere(() => refused);
      return;
    }
    const pending = this.#pending.get(message.subject.slice(this.#inbox.length + 1));
    if (pending === undefined) return;
    const { subject } = pending.request;
    if (message.data.length === 0 && message.headers?.code === 503) {
      pending.fail(new RequestFailure("nobody", `nobody serves ${subject}; JetStream is off, or not ready`));
    } else {
      pending.resolve(message);
    }
  }

  #endLate(): void {
    const now = performance.now();
    for (const { request, deadline, fail } of this.#pending.values()) {
      if (deadline <= now) fail(new RequestFailure("unanswered", `no answer within ${request.limitMs} ms`));
    }
    if (this.#pending.size > 0) return;
    clearInterval(this.#sweep);
    this.#sweep = undefined;
  }
}
