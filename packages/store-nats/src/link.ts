import { AbortedError, StoreClosedError } from "@es/core";
import { throwIfAborted } from "@es/core/adapter";
import type { Msg, MsgHdrs } from "@nats-io/transport-node";
import { ATTEMPT_MS } from "./limits.ts";
import type { NatsClient } from "./nats-connection.ts";
import { RequestFailure } from "./request-failure.ts";
import { Requests } from "./requests.ts";
import { messageOf, nameOf, toStoreError } from "./store-error.ts";

/** How long a call may take, and what may end it earlier. */
export interface CallLimit {
  /** Of `performance.now()`. */
  readonly deadline: number;
  /** Aborts the call. */
  readonly signal?: AbortSignal | undefined;
  /** Whether the call goes on while the store is closed, because it must find out what it has done. */
  readonly mustSettle?: boolean;
}

interface Waiting {
  readonly fail: (error: Error) => void;
  readonly call: CallLimit;
  /** What was asked, where the client does not match a refusal of the server with it. */
  readonly subject: string | undefined;
}

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
  readonly #waiting = new Set<Waiting>();
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
    for (const { call, fail } of this.#waiting) {
      if (call.mustSettle !== true) fail(new StoreClosedError());
    }
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
      await this.race(promise, call, false);
    } finally {
      clearTimeout(timer);
    }
  }

  /** Waits for `work` until the deadline, or until something else than the loss of the connection ends the call. */
  async within<Result>(work: Promise<Result>, call: CallLimit, tooLate: () => Error): Promise<Result> {
    return await this.#limited(work, call, { ms: call.deadline - performance.now(), tooLate, needsConnection: false });
  }

  /** Waits for an answer for some time at most, or until something ends the call. */
  async answer<Result>(work: Promise<Result>, call: CallLimit, options: AnswerOptions): Promise<Result> {
    const { subject, limitMs, tooLate } = options;
    const ms = Math.min(limitMs, call.deadline - performance.now());
    return await this.#limited(work, call, { ms, tooLate, needsConnection: true, subject });
  }

  /** Waits for `work`, or until the connection is lost, the store is closed or the signal aborts. */
  race<Result>(work: Promise<Result>, call: CallLimit, needsConnection = true, subject?: string): Promise<Result> {
    return new Promise((resolve, reject) => {
      const leave = (): void => {
        this.#waiting.delete(waiting);
        call.signal?.removeEventListener("abort", onAbort);
      };
      const fail = (error: Error): void => {
        if (error instanceof RequestFailure && !needsConnection) return;
        leave();
        reject(error);
      };
      const onAbort = (): void => fail(new AbortedError("the operation was aborted", { cause: call.signal?.reason }));
      const waiting = { fail, call, subject };
      this.#waiting.add(waiting);
      call.signal?.addEventListener("abort", onAbort, { once: true });
      work.then(
        (result) => {
          leave();
          resolve(result);
        },
        (error: unknown) => {
          leave();
          reject(error);
        },
      );
    });
  }

  async #limited<Result>(
    work: Promise<Result>,
    call: CallLimit,
    options: Pick<AnswerOptions, "tooLate"> & {
      readonly ms: number;
      readonly needsConnection: boolean;
      readonly subject?: string;
    },
  ): Promise<Result> {
    const { promise, reject } = Promise.withResolvers<never>();
    const timer = setTimeout(() => reject(options.tooLate()), Math.max(options.ms, 0));
    try {
      return await this.race(Promise.race([work, promise]), call, options.needsConnection, options.subject);
    } finally {
      clearTimeout(timer);
    }
  }

  async #watch(): Promise<void> {
    for await (const { type, error } of this.client.status()) {
      if (type === "disconnect") {
        this.#isUp = false;
        const lost = new RequestFailure("unanswered", "the connection was lost");
        for (const { fail } of this.#waiting) fail(lost);
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
    this.#requests.failWhere(({ subject }) =>
      "subject" in error && error.subject === subject ? toStoreError(error, `asking ${subject}`) : undefined,
    );
    for (const { subject, fail } of this.#waiting) {
      if (subject !== undefined && "subject" in error && error.subject === subject) {
        fail(toStoreError(error, `asking ${subject}`));
      }
    }
  }

  #clientClosed(): void {
    this.#isClientClosed = true;
    for (const { call, fail } of this.#waiting) {
      fail(call.mustSettle === true ? new RequestFailure("unanswered", "the connection was closed") : closedByOwner());
    }
    this.#requests.failWhere(({ mustSettle }) =>
      mustSettle ? new RequestFailure("unanswered", "the connection was closed") : closedByOwner(),
    );
    for (const notify of this.onReconnect) notify();
  }
}

function closedByOwner(): StoreClosedError {
  return new StoreClosedError("the NATS connection was closed by its owner; open it and the event store again");
}
