import { AbortedError, StoreClosedError } from "@es/core";
import { delay, throwIfAborted } from "@es/core/adapter";
import { CallGate } from "./call-gate.ts";
import type { KurrentClient } from "./kurrent-client.ts";
import { DISPOSE_MS, MAX_CALLS } from "./limits.ts";
import { ServerFailure, toServerFailure } from "./server-failure.ts";
import { type Interruptible, type Wait, Waits } from "./waits.ts";

/** How long a call may take, and what may end it earlier. */
export interface CallLimit extends Interruptible {
  /** Of `performance.now()`. */
  readonly deadline: number;
}

/** Told of every answer that comes, so that a long read is not taken for a silent server. */
export type Progress = () => void;

/** A client, and how many calls are under way on it. */
interface Lease {
  readonly client: KurrentClient;
  calls: number;
  isRetired: boolean;
}

/**
 * Holds the client, and replaces it. A client can hang for ever, or stay broken after a server was away: so every attempt has a
 * time limit, and a client on which one failed for such a reason gets no further calls. It is disposed of when its last call is over.
 */
export class ClientHolder {
  readonly #create: () => KurrentClient;
  readonly #silenceMs: number;
  readonly #gate = new CallGate(MAX_CALLS);
  readonly #waits = new Waits();
  readonly #disposing = new Set<Promise<unknown>>();
  #current: Lease | undefined;
  #isClosed = false;

  /** @param silenceMs - how long an attempt may be without any answer before it is given up */
  constructor(create: () => KurrentClient, silenceMs: number) {
    this.#create = create;
    this.#silenceMs = silenceMs;
  }

  /** @throws StoreClosedError, AbortedError */
  assertUsable(call: Interruptible = {}): void {
    if (this.#isClosed && call.mustSettle !== true) throw new StoreClosedError();
    throwIfAborted(call.signal);
  }

  /** The client for what lives longer than a call, such as a subscription. It ends when the client is replaced. */
  get client(): KurrentClient {
    this.#current ??= { client: this.#create(), calls: 0, isRetired: false };
    return this.#current.client;
  }

  /**
   * One attempt of a call.
   *
   * @throws ServerFailure when it fails, also when there is no answer within a time
   */
  async attempt<Result>(
    call: CallLimit,
    work: (client: KurrentClient, progress: Progress) => Promise<Result>,
    silenceMs: number = this.#silenceMs,
  ): Promise<Result> {
    this.assertUsable(call);
    const { turn, leave } = this.#gate.enter();
    let lease: Lease | undefined;
    let wait: Wait | undefined;
    try {
      if (turn !== undefined) await this.within(turn, call, waitedInVain);
      const limitMs = Math.ceil(Math.min(silenceMs, call.deadline - performance.now()));
      if (limitMs <= 0) throw new ServerFailure("not-sent", "no time was left", { isClientSuspect: false });
      lease = this.#take();
      // One promise for all that may end the attempt: races of several, each in a function of its own, cost as much as the rest.
      const { promise, resolve, reject } = Promise.withResolvers<Result>();
      const begun = this.#waits.begin(call, limitMs, () => reject(noAnswer(limitMs, silenceMs)), reject);
      wait = begun;
      const progress = (): void => void (begun.dueAt = performance.now() + limitMs);
      work(lease.client, progress).then(resolve, reject);
      return await promise;
    } catch (error) {
      if (lease === undefined || error instanceof StoreClosedError || error instanceof AbortedError) throw error;
      const failure = toServerFailure(error);
      if (failure.isClientSuspect) this.#retire(lease);
      throw failure;
    } finally {
      if (wait !== undefined) this.#waits.end(wait);
      if (lease !== undefined) {
        lease.calls -= 1;
        this.#disposeOfRetired(lease);
      }
      leave();
    }
  }

  /** Waits for something of this process, within the limit of the call. */
  async within<Result>(work: Promise<Result>, call: CallLimit, tooLate: () => Error): Promise<Result> {
    const { promise, resolve, reject } = Promise.withResolvers<Result>();
    const restMs = Math.max(call.deadline - performance.now(), 0);
    const wait = this.#waits.begin(call, restMs, () => reject(tooLate()), reject);
    try {
      work.then(resolve, reject);
      return await promise;
    } finally {
      this.#waits.end(wait);
    }
  }

  /** Waits some milliseconds, or until something ends the call. */
  async pause(ms: number, call: CallLimit): Promise<void> {
    this.assertUsable(call);
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const wait = this.#waits.begin(call, ms, resolve, reject);
    try {
      await promise;
    } finally {
      this.#waits.end(wait);
    }
  }

  /** Ends everything that is waited for, except what must be settled. */
  close(): void {
    this.#isClosed = true;
    this.#waits.close();
  }

  /** Disposes of the client, so that the process can end. */
  async dispose(): Promise<void> {
    if (this.#current !== undefined) this.#retire(this.#current);
    await Promise.all(this.#disposing);
  }

  #take(): Lease {
    this.#current ??= { client: this.#create(), calls: 0, isRetired: false };
    this.#current.calls += 1;
    return this.#current;
  }

  #retire(lease: Lease): void {
    lease.isRetired = true;
    if (this.#current === lease) this.#current = undefined;
    this.#disposeOfRetired(lease);
  }

  #disposeOfRetired(lease: Lease): void {
    if (!lease.isRetired || lease.calls > 0) return;
    lease.calls = Number.POSITIVE_INFINITY;
    const disposing = disposeOf(lease.client).finally(() => this.#disposing.delete(disposing));
    this.#disposing.add(disposing);
  }
}

function waitedInVain(): ServerFailure {
  return new ServerFailure("not-sent", `${MAX_CALLS} calls before this one took too long`, { isClientSuspect: false });
}

function noAnswer(limitMs: number, silenceMs: number): ServerFailure {
  // What is left of the call's time may be a moment, which would read as if the store were impatient.
  const limit = limitMs < silenceMs ? "until the time limit" : `within ${limitMs} ms`;
  return new ServerFailure("lost", `no answer ${limit}`);
}

async function disposeOf(client: KurrentClient): Promise<void> {
  const limit = new AbortController();
  try {
    await Promise.race([client.dispose(), delay(DISPOSE_MS, limit.signal)]);
  } catch {
    // A client that cannot be disposed of is not used again in any case.
  } finally {
    limit.abort();
  }
}
