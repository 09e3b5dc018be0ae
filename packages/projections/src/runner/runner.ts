import { ConfigurationError, isEventSourcingError, type Position, type RecordedEvent, START } from "@es/core";
import type { Ledger } from "../checkpoint/ledger.ts";
import type { Delivery } from "../definition/delivery.ts";
import { assertTimeLimit } from "../definition/member-rules.ts";
import type { Projection } from "../definition/projection.ts";
import { ProjectionStoppedError, WaitTimeoutError } from "../errors/errors.ts";
import type { ParkedList } from "../parking/parked.ts";
import { countLag, type LagOptions } from "./count-lag.ts";
import { Follower } from "./follower.ts";
import { Mutex } from "./mutex.ts";
import type { PageWorker } from "./page-worker.ts";
import { PauseGate } from "./pause-gate.ts";
import type { ProjectionRunner } from "./projection-runner.ts";
import { RunnerMonitor } from "./runner-monitor.ts";
import type { RunnerSettings } from "./runner-options.ts";
import type { Lag, RunnerStatus } from "./runner-status.ts";
import { settledWithin } from "./settled-within.ts";
import { assertPosition, NOT_IN_THE_STORE, PositionWaiters, type WaitOptions } from "./waiters.ts";

const STOP_TIMEOUT_MS = 30_000;

/** What became of something that was to be handled between two pages. */
export interface Inserted {
  /** Whether it was handled. Not while the runner is paused, nor once it stops. */
  readonly isHandled: boolean;
  /** Why not, unless the runner is paused or stops. */
  readonly failure?: { readonly error: unknown };
}

/** The life of a {@link ProjectionRunner}: start, pause, stop, and what may be asked of it meanwhile. */
export class Runner implements ProjectionRunner {
  readonly done: Promise<void>;
  readonly #projection: Projection<Delivery>;
  readonly #settings: RunnerSettings;
  readonly #stopping = new AbortController();
  readonly #giveUp = new AbortController();
  readonly #started = Promise.withResolvers<void>();
  readonly #ended = Promise.withResolvers<void>();
  readonly #gate = new PauseGate();
  readonly #mutex = new Mutex();
  readonly #waiters: PositionWaiters;
  readonly #monitor: RunnerMonitor;
  readonly #follower: Follower;
  /** What went wrong beside the feed. */
  #failure: { readonly error: unknown } | undefined;

  constructor(projection: Projection<Delivery>, ledger: Ledger, settings: RunnerSettings) {
    this.#projection = projection;
    this.#settings = settings;
    this.#waiters = new PositionWaiters(settings.clock);
    this.#monitor = new RunnerMonitor(settings.clock);
    this.#follower = new Follower({
      projection,
      ledger,
      settings,
      monitor: this.#monitor,
      stopping: this.#stopping.signal,
      giveUp: this.#giveUp.signal,
      gate: this.#gate,
      mutex: this.#mutex,
      onReached: (position) => this.#waiters.reached(position),
    });
    this.done = this.#ended.promise;
    // Whoever looks at neither must not be punished with an unhandled rejection.
    this.done.catch(() => undefined);
    this.#started.promise.catch(() => undefined);
  }

  get projection(): string {
    return this.#projection.name;
  }

  get guarantee(): "at-least-once" | "exactly-once" {
    return this.#projection.delivery.guarantee;
  }

  async start(): Promise<void> {
    if (this.#monitor.state !== "idle") {
      throw new ConfigurationError(
        `the runner of projection ${JSON.stringify(this.projection)} was started before; create another one`,
      );
    }
    this.#monitor.state = "starting";
    void this.#run().then(this.#ended.resolve, this.#ended.reject);
    await this.#started.promise;
  }

  async stop({ timeoutMs = STOP_TIMEOUT_MS }: { readonly timeoutMs?: number } = {}): Promise<void> {
    assertTimeLimit(timeoutMs);
    const monitor = this.#monitor;
    if (monitor.state === "idle") {
      monitor.state = "stopped";
      this.#waiters.fail(new ProjectionStoppedError(this.projection));
      this.#ended.resolve();
    }
    if (monitor.state === "stopped" || monitor.state === "failed") return;
    monitor.state = "stopping";
    this.#stopping.abort();
    if (await settledWithin(this.done, timeoutMs, this.#settings)) return;
    this.#giveUp.abort();
    throw new WaitTimeoutError(
      `projection ${JSON.stringify(this.projection)} did not stop within ${timeoutMs} ms: a handler is still running; ` +
        "what it does in a transaction is rolled back, and its events come again",
    );
  }

  /** Handles something that is no event of the feed between two pages, as one of them. */
  async insert(event: RecordedEvent): Promise<Inserted> {
    try {
      return await this.#betweenPages(async (worker) => {
        if (this.#gate.isClosed) return { isHandled: false };
        await worker.insert(event);
        return { isHandled: true };
      });
    } catch (error) {
      return this.#stopping.signal.aborted ? { isHandled: false } : { isHandled: false, failure: { error } };
    }
  }

  /** Says what is tried again beside the feed, until it is called without an error. */
  retryingBesides(error?: unknown): void {
    this.#monitor.besides = error === undefined ? undefined : { error };
  }

  /** Ends the runner with an error, unless it is ending already. */
  failWith(error: unknown): void {
    if (this.#stopping.signal.aborted) return;
    this.#failure = { error };
    this.#stopping.abort();
  }

  /** Ends everything at once. What is still running can store nothing any more. */
  abandon(): void {
    this.#stopping.abort();
    this.#giveUp.abort();
  }

  async pause({ timeoutMs = STOP_TIMEOUT_MS, signal }: WaitOptions = {}): Promise<void> {
    assertTimeLimit(timeoutMs);
    if (this.#stopping.signal.aborted || this.#monitor.state === "failed") return;
    const isFirst = !this.#gate.isClosed;
    this.#gate.close();
    // The page that is being handled holds the mutex.
    const quiet = this.#mutex.run(async () => this.#follower.worker?.save());
    quiet.catch((error: unknown) => this.failWith(error));
    if (!(await settledWithin(quiet, timeoutMs, { clock: this.#settings.clock, signal }))) {
      throw new WaitTimeoutError(
        `projection ${JSON.stringify(this.projection)} was not done with its page within ${timeoutMs} ms; it takes no further one until resume()`,
      );
    }
    if (isFirst && this.#gate.isClosed) this.#settings.report({ kind: "paused", position: this.#follower.position });
  }

  resume(): void {
    if (!this.#gate.isClosed) return;
    this.#gate.open();
    this.#settings.report({ kind: "resumed", position: this.#follower.position });
  }

  status(): RunnerStatus {
    return this.#monitor.status({
      projection: this.projection,
      position: this.#follower.position,
      parked: this.parked(),
      isPaused: this.#gate.isClosed,
    });
  }

  parked(): ParkedList {
    return this.#follower.worker?.parked ?? [];
  }

  async replayParked(streamId?: string): Promise<number> {
    const streams = streamId === undefined ? this.parked().map((stream) => stream.streamId) : [streamId];
    let events = 0;
    for (const stream of streams) events += await this.#betweenPages((worker) => worker.replay(stream));
    return events;
  }

  async discardParked(streamId: string): Promise<number> {
    return this.#betweenPages((worker) => worker.discard(streamId));
  }

  async lag(options?: LagOptions): Promise<Lag> {
    return countLag(this.#settings.store, this.#projection.filter, this.#follower.position, options);
  }

  async waitFor(position: Position, options?: WaitOptions): Promise<void> {
    assertPosition(position);
    // Before it has started, the beginning is reached all the same.
    if (position <= this.#follower.position) return;
    if (this.#monitor.state === "failed") throw this.#monitor.lastError;
    if (this.#monitor.state === "stopped") throw new ProjectionStoppedError(this.projection);
    await this.#waiters.wait(position, (timeoutMs) => this.#lateness(position, timeoutMs), options);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }

  async #run(): Promise<void> {
    const { signal } = this.#stopping;
    try {
      await this.#follower.open();
      this.#started.resolve();
      while (!signal.aborted) await this.#follower.follow();
      // A replay may be at work; it ends when it notices that the runner is stopping.
      await this.#mutex.run(async () => this.#follower.worker?.save());
      if (this.#failure !== undefined) throw this.#failure.error;
      this.#end();
    } catch (error) {
      const isOwnAbort = signal.aborted && isEventSourcingError(error, "ES_ABORTED");
      await this.#saveOnce();
      // What went wrong beside the feed may have found it waiting, and then that wait was aborted.
      const failure = this.#failure ?? (isOwnAbort ? undefined : { error });
      if (failure === undefined) return this.#end();
      this.#fail(failure.error);
      throw failure.error;
    }
  }

  /** What was handled before something failed need not come again. Where that cannot be stored either, it does. */
  async #saveOnce(): Promise<void> {
    if (this.#follower.worker?.saveDueMs === undefined) return;
    // No further attempts.
    this.#stopping.abort();
    await this.#mutex.run(async () => this.#follower.worker?.save()).catch(() => undefined);
  }

  async #betweenPages<Result>(work: (worker: PageWorker) => Promise<Result>): Promise<Result> {
    if (this.#monitor.state === "idle") throw new ProjectionStoppedError(this.projection);
    await this.#started.promise;
    const done = this.#mutex.run(async () => {
      if (this.#monitor.state === "failed") throw this.#monitor.lastError;
      const { worker } = this.#follower;
      if (worker === undefined || this.#stopping.signal.aborted) throw new ProjectionStoppedError(this.projection);
      this.#monitor.isBetweenPages = true;
      try {
        return await work(worker);
      } finally {
        this.#monitor.isBetweenPages = false;
        this.#monitor.besides = undefined;
      }
    });
    // A handler that waits for its own runner would otherwise wait for ever.
    const abandoned = Promise.withResolvers<never>();
    const onAbandoned = (): void => abandoned.reject(new ProjectionStoppedError(this.projection));
    const { signal } = this.#giveUp;
    signal.addEventListener("abort", onAbandoned, { once: true });
    if (signal.aborted) onAbandoned();
    try {
      return await Promise.race([done, abandoned.promise]);
    } finally {
      signal.removeEventListener("abort", onAbandoned);
    }
  }

  #lateness(position: Position, timeoutMs: number): string {
    const { state, position: reached } = this.status();
    const reasons: Partial<Record<RunnerStatus["state"], string>> = {
      idle: "it was not started",
      live: NOT_IN_THE_STORE,
    };
    return (
      `projection ${JSON.stringify(this.projection)} reaching position ${position} did not happen within ${timeoutMs} ms: ` +
      `${reasons[state] ?? `it is ${state}`}, and has come to ${reached === START ? "nothing yet" : reached}`
    );
  }

  #end(): void {
    this.#monitor.state = "stopped";
    const error = new ProjectionStoppedError(this.projection);
    this.#started.reject(error);
    this.#waiters.fail(error);
    this.#settings.report({ kind: "stopped", position: this.#follower.position });
  }

  #fail(error: unknown): void {
    this.#monitor.state = "failed";
    this.#monitor.lastError = error;
    this.#started.reject(error);
    this.#waiters.fail(error);
    this.#settings.report({ kind: "failed", error, position: this.#follower.position });
  }
}
