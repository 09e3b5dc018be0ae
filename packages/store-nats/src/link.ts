import { StoreClosedError } from "@es/core";
import { throwIfAborted } from "@es/core/adapter";
import type { Msg, MsgHdrs } from "@nats-io/transport-node";
import type { CallLimit } from "./call-limit.ts";
import { ATTEMPT_MS } from "./limits.ts";
import type { NatsClient } from "./nats-connection.ts";
import { RequestFailure } from "./request-failure.ts";
import { Requests } from "./requests.ts";
import { messageOf, nameOf, toStoreError } from "./store-error.ts";
import { Waits } from "./waits.ts";

/** How to send a request. */
interface RequestOptions {
  readonly limitMs?: number;
  readonly headers?: MsgHdrs;
}

/** How to wait for an answer. */
interface AnswerOptions {
  /** Where the request was sent to. */
  readonly subject: string;
  readonly limitMs: number;
  readonly tooLate: () => Error;
}

/** A connection that may come and go, with a limit for everything that is waited for. */
export class Link {
  readonly client: NatsClient;
  readonly #waits = new Waits();
  readonly #requests: Requests;
  readonly #onUp = new Set<() => void>();
  #isUp = true;
  #connections = 0;
  #isClosed = false;
  #isClientClosed = false;

  constructor(client: NatsClient) {
    this.client = client;
    this.#requests = new Requests(client);
    void this.#watch();
    void client.closed().then(
      () => this.#clientClosed(),
      () => this.#clientClosed(),
    );
  }

  /** Called after each reconnection. */
  readonly onReconnect: Set<() => void> = new Set();

  /** Counts how often the connection was made again. */
  get connections(): number {
    return this.#connections;
  }

  /** Whether there is a connection, as far as is known. */
  get isUp(): boolean {
    return this.#isUp;
  }

  /** @throws StoreClosedError, AbortedError */
  assertUsable(call: { readonly signal?: AbortSignal | undefined; readonly mustSettle?: boolean } = {}): void {
    if (this.#isClosed && call.mustSettle !== true) throw new StoreClosedError();
    if (this.#isClientClosed || this.client.isClosed() || this.client.isDraining()) {
      throw closedByOwner();
    }
    throwIfAborted(call.signal);
  }

  /** Ends everything that is waited for, except what must be settled. */
  close(): void {
    this.#isClosed = true;
    this.#waits.failWhere(({ call }) => (call.mustSettle === true ? undefined : new StoreClosedError()));
    this.#requests.failWhere(({ mustSettle }) => (mustSettle ? undefined : new StoreClosedError()));
  }

  /**
   * One attempt of a request.
   *
   * @throws RequestFailure when there is no answer
   */
  async request(
    subject: string,
    payload: Uint8Array | string,
    call: CallLimit,
    { limitMs = ATTEMPT_MS, headers }: RequestOptions = {},
  ): Promise<Msg> {
    await this.untilConnected(call);
    const timeout = Math.ceil(Math.min(limitMs, call.deadline - performance.now()));
    if (timeout <= 0) throw new RequestFailure("not-sent", "no time was left");
    try {
      const { signal, mustSettle = false } = call;
      return await this.#requests.send({ subject, payload, headers, limitMs: timeout, signal, mustSettle });
    } catch (error) {
      switch (nameOf(error)) {
        case "RequestFailure":
        case "StoreClosedError":
        case "AbortedError":
        case "ConfigurationError":
          throw error;
        case "PermissionViolationError":
        case "InvalidArgumentError":
          throw toStoreError(error, `asking ${subject}`);
        default:
          // Such as a connection that was closed: it may have been sent before.
          throw new RequestFailure("unanswered", messageOf(error), { cause: error });
      }
    }
  }

  /** Resolves once there is a connection. @throws RequestFailure when there is none in time */
  async untilConnected(call: CallLimit): Promise<void> {
    this.assertUsable(call);
    if (this.#isUp) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#onUp.add(resolve);
    try {
      await this.within(promise, call, () => new RequestFailure("not-sent", "there is no connection"));
    } finally {
      this.#onUp.delete(resolve);
    }
  }

  /** Nothing is asked any more. */
  end(): void {
    this.#requests.close();
  }

  /** Waits some milliseconds, or until something ends the call. */
  async pause(ms: number, call: CallLimit): Promise<void> {
    this.assertUsable(call);
    const { promise, resolve } = Promise.withResolvers<void>();
    const timer = setTimeout(resolve, ms);
    try {
      await this.#waits.race(promise, { call, needsConnection: false });
    } finally {
      clearTimeout(timer);
    }
  }

  /** Waits for `work` until the deadline, or until something else than the loss of the connection ends the call. */
  async within<Result>(work: Promise<Result>, call: CallLimit, tooLate: () => Error): Promise<Result> {
    const ms = call.deadline - performance.now();
    return await this.#waits.within(work, { call, needsConnection: false }, { ms, tooLate });
  }

  /** Waits for an answer for some time at most, or until something ends the call. */
  async answer<Result>(work: Promise<Result>, call: CallLimit, options: AnswerOptions): Promise<Result> {
    const { subject, limitMs, tooLate } = options;
    const ms = Math.min(limitMs, call.deadline - performance.now());
    return await this.#waits.within(work, { call, needsConnection: true, subject }, { ms, tooLate });
  }

  async #watch(): Promise<void> {
    for await (const { type, error } of this.client.status()) {
      if (type === "disconnect") {
        this.#isUp = false;
        const lost = new RequestFailure("unanswered", "the connection was lost");
        this.#waits.failWhere(() => lost);
        this.#requests.failWhere(() => lost);
      } else if (type === "reconnect") {
        this.#isUp = true;
        this.#connections += 1;
        for (const resolve of this.#onUp) resolve();
        for (const notify of this.onReconnect) notify();
      } else if (type === "error" && error !== undefined && nameOf(error) === "PermissionViolationError") {
        this.#refused(error);
      }
    }
  }

  #refused(error: Error): void {
    const failure = (subject: string | undefined): Error | undefined =>
      subject !== undefined && "subject" in error && error.subject === subject
        ? toStoreError(error, `asking ${subject}`)
        : undefined;
    this.#requests.failWhere(({ subject }) => failure(subject));
    this.#waits.failWhere(({ subject }) => failure(subject));
  }

  #clientClosed(): void {
    this.#isClientClosed = true;
    const failure = (mustSettle = false): Error =>
      mustSettle ? new RequestFailure("unanswered", "the connection was closed") : closedByOwner();
    this.#waits.failWhere(({ call }) => failure(call.mustSettle));
    this.#requests.failWhere(({ mustSettle }) => failure(mustSettle));
    for (const notify of this.onReconnect) notify();
  }
}

function closedByOwner(): StoreClosedError {
  return new StoreClosedError("the NATS connection was closed by its owner; open it and the event store again");
}
