import {
  ConfigurationError,
  isEventSourcingError,
  type Page,
  type Position,
  START,
  StoreUnavailableError,
} from "@es/core";
import { ContinuityCheck } from "./continuity.ts";
import type { Delivery } from "./delivery.ts";
import { CheckpointMismatchError, ProjectionStoppedError, WaitTimeoutError } from "./errors.ts";
import type { Ledger } from "./ledger.ts";
import { Mutex } from "./mutex.ts";
import { openCheckpoint } from "./open-checkpoint.ts";
import { PageWorker } from "./page-worker.ts";
import { countParked, type ParkedList } from "./parked.ts";
import { PauseGate } from "./pause-gate.ts";
import { prefetch } from "./prefetch.ts";
import type { Projection } from "./projection.ts";
import type { ProjectionRunner } from "./projection-runner.ts";
import { Rate } from "./rate.ts";
import { backOffMs, isTransient } from "./retry.ts";
import type { RunnerSettings } from "./runner-options.ts";
import type { Lag, RunnerState, RunnerStatus } from "./runner-status.ts";
import { PositionWaiters, type WaitOptions } from "./waiters.ts";

const STOP_TIMEOUT_MS = 30_000;
const LAG_LIMIT = 10_000;

/** The store could not be read. Tells that from a failure of handling what was read. */
class ReadFailure extends Error {}

/** The engine of a {@link ProjectionRunner}. */
export class Runner implements ProjectionRunner {
  readonly done: Promise<void>;
  readonly #projection: Projection<Delivery>;
  readonly #ledger: Ledger;
  readonly #settings: RunnerSettings;
  readonly #id = globalThis.crypto.randomUUID();
  readonly #stopping = new AbortController();
  readonly #giveUp = new AbortController();
  readonly #started = Promise.withResolvers<void>();
  readonly #ended = Promise.withResolvers<void>();
  readonly #gate = new PauseGate();
  readonly #mutex = new Mutex();
  readonly #waiters: PositionWaiters;
  #rate: Rate;
  #worker: PageWorker | undefined;
  #continuity: ContinuityCheck | undefined;
  #state: RunnerState = "idle";
  #hasCaughtUp = false;
  #events = 0;
  #readFailures = 0;
  #newestRecordedAt: number | undefined;
  #lastError: unknown;

  constructor(projection: Projection<Delivery>, ledger: Ledger, settings: RunnerSettings) {
    this.#projection = projection;
    this.#ledger = ledger;
    this.#settings = settings;
    this.#waiters = new PositionWaiters(settings.clock);
    this.#rate = new Rate(() => settings.clock.monotonic());
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

  get #position(): Position {
    return this.#worker?.position ?? START;
  }

  async start(): Promise<void> {
    if (this.#state !== "idle") {
      throw new ConfigurationError(
        `the runner of projection ${JSON.stringify(this.projection)} was started before; create another one`,
      );
    }
    this.#state = "starting";
    void this.#run().then(this.#ended.resolve, this.#ended.reject);
    await this.#started.promise;
  }

  async stop({ timeoutMs = STOP_TIMEOUT_MS }: { readonly timeoutMs?: number } = {}): Promise<void> {
    if (this.#state === "idle") {
      this.#state = "stopped";
      this.#waiters.fail(new ProjectionStoppedError(this.projection));
      this.#ended.resolve();
    }
    if (this.#state === "stopped" || this.#state === "failed") return;
    this.#state = "stopping";
    this.#stopping.abort();
    const limit = new AbortController();
    const expiry = this.#settings.clock.delay(timeoutMs, limit.signal).then(
      () => {
        this.#giveUp.abort();
        return true;
      },
      () => false,
    );
    const ended = this.done.then(
      () => false,
      () => false,
    );
    const isTooLate = await Promise.race([ended, expiry]);
    limit.abort();
    if (!isTooLate) return;
    throw new WaitTimeoutError(
      `projection ${JSON.stringify(this.projection)} did not stop within ${timeoutMs} ms: a handler is still running; ` +
        "what it does in a transaction is rolled back, and its events come again",
    );
  }

  /** Ends everything at once. What is still running can store nothing any more. */
  abandon(): void {
    this.#stopping.abort();
    this.#giveUp.abort();
  }

  async pause(): Promise<void> {
    if (this.#stopping.signal.aborted || this.#state === "failed" || this.#gate.isClosed) return;
    this.#gate.close();
    // The page that is being handled holds the mutex.
    await this.#mutex.run(async () => undefined);
    if (this.#gate.isClosed) this.#settings.report({ kind: "paused", position: this.#position });
  }

  resume(): void {
    if (!this.#gate.isClosed) return;
    this.#gate.open();
    this.#settings.report({ kind: "resumed", position: this.#position });
  }

  status(): RunnerStatus {
    const isRunning = this.#state === "catching-up" || this.#state === "live";
    const state = isRunning && this.#gate.isClosed ? "paused" : this.#state;
    const parked = this.parked();
    const isBehind = state !== "live" && this.#newestRecordedAt !== undefined;
    return {
      projection: this.projection,
      state,
      isHealthy: (isRunning || state === "starting") && parked.length === 0,
      position: this.#position,
      events: this.#events,
      eventsPerSecond: this.#rate.perSecond,
      lagMs: isBehind ? Math.max(0, this.#settings.clock.now() - (this.#newestRecordedAt ?? 0)) : 0,
      parkedStreams: parked.length,
      parkedEvents: countParked(parked),
      lastError: this.#lastError,
    };
  }

  parked(): ParkedList {
    return this.#worker?.parked ?? [];
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

  async lag({
    limit = LAG_LIMIT,
    signal,
  }: {
    readonly limit?: number;
    readonly signal?: AbortSignal;
  } = {}): Promise<Lag> {
    const { store } = this.#settings;
    const call = signal === undefined ? {} : { signal };
    const head = await store.head(call);
    let events = 0;
    const { filter } = this.#projection;
    for await (const page of store.readAll({
      ...call,
      after: this.#position,
      limit: limit + 1,
      ...(filter === undefined ? {} : { filter }),
    })) {
      events += page.events.length;
    }
    return { events: Math.min(events, limit), isExact: events <= limit, head };
  }

  async waitFor(position: Position, options?: WaitOptions): Promise<void> {
    if (this.#worker !== undefined && position <= this.#position) return;
    if (this.#state === "failed") throw this.#lastError;
    if (this.#state === "stopped") throw new ProjectionStoppedError(this.projection);
    const what = `projection ${JSON.stringify(this.projection)} reaching position ${position}`;
    await this.#waiters.wait(position, what, options);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }

  async #run(): Promise<void> {
    try {
      await this.#open();
      while (!this.#stopping.signal.aborted) await this.#follow();
      // A replay may be at work; it ends when it notices that the runner is stopping.
      await this.#mutex.run(async () => this.#worker?.save());
      this.#end("stopped");
    } catch (error) {
      const isOwnAbort = this.#stopping.signal.aborted && isEventSourcingError(error, "ES_ABORTED");
      if (isOwnAbort) this.#end("stopped");
      else this.#fail(error);
      if (!isOwnAbort) throw error;
    }
  }

  async #betweenPages<Result>(work: (worker: PageWorker) => Promise<Result>): Promise<Result> {
    await this.#started.promise;
    return this.#mutex.run(async () => {
      if (this.#state === "failed") throw this.#lastError;
      if (this.#worker === undefined || this.#stopping.signal.aborted)
        throw new ProjectionStoppedError(this.projection);
      return work(this.#worker);
    });
  }

  #end(state: "stopped"): void {
    this.#state = state;
    const error = new ProjectionStoppedError(this.projection);
    this.#started.reject(error);
    this.#waiters.fail(error);
    this.#settings.report({ kind: "stopped", position: this.#position });
  }

  #fail(error: unknown): void {
    this.#state = "failed";
    this.#lastError = error;
    this.#started.reject(error);
    this.#waiters.fail(error);
    this.#settings.report({ kind: "failed", error, position: this.#position });
  }

  async #open(): Promise<void> {
    const { store } = this.#settings;
    const { signal } = this.#stopping;
    for (;;) {
      try {
        const checkpoint = await openCheckpoint(this.#projection, this.#ledger, store, this.#id, signal);
        this.#worker = new PageWorker(
          {
            projection: this.#projection,
            ledger: this.#ledger,
            settings: this.#settings,
            stopping: signal,
            giveUp: this.#giveUp.signal,
            isCatchingUp: () => !this.#hasCaughtUp,
            onRetrying: (error) => this.#retrying(error),
          },
          checkpoint,
        );
        const { filter } = this.#projection;
        this.#continuity = new ContinuityCheck({
          seesWholeStreams: filter?.types === undefined,
          fromBeginning: checkpoint.position === START,
        });
        break;
      } catch (error) {
        await this.#backOff(error);
      }
    }
    this.#readFailures = 0;
    this.#state = "catching-up";
    this.#settings.report({ kind: "started", position: this.#position });
    this.#started.resolve();
    this.#waiters.reached(this.#position);
  }

  /** Reads and handles until the runner is stopped, or until the store cannot be read; then it may be called again. */
  async #follow(): Promise<void> {
    const { store, pageSize } = this.#settings;
    const { filter, name } = this.#projection;
    const reading = new AbortController();
    const pages = prefetch(
      store.readAll({
        after: this.#position,
        live: true,
        pageSize,
        signal: AbortSignal.any([this.#stopping.signal, reading.signal]),
        ...(filter === undefined ? {} : { filter }),
      }),
    );
    try {
      for (;;) {
        const page = await nextPage(pages);
        await this.#gate.passed(this.#stopping.signal);
        if (this.#stopping.signal.aborted) return;
        await this.#mutex.run(() => this.#handle(page));
      }
    } catch (error) {
      if (!(error instanceof ReadFailure)) throw error;
      // That the read ended is what stopping is about.
      if (this.#stopping.signal.aborted) return;
      if (isEventSourcingError(error.cause, "ES_INVALID_POSITION")) {
        throw new CheckpointMismatchError(
          name,
          "ahead",
          `is at ${this.#position}, which the store refuses: it lost events, or was restored; restore store and read model ` +
            "from backups of the same moment, or empty the read model, call resetProjection() and start again",
          { cause: error.cause },
        );
      }
      await this.#backOff(error.cause);
    } finally {
      // Ends the read of the page after this one, which may be waiting for news.
      reading.abort();
      await pages.return();
    }
  }

  async #handle(page: Page): Promise<void> {
    const worker = this.#worker;
    if (worker === undefined) return;
    const { select } = this.#settings;
    const events = select === undefined ? page.events : page.events.filter(({ streamId }) => select(streamId));
    this.#continuity?.check(events);
    await worker.process({ ...page, events });
    this.#readFailures = 0;
    this.#lastError = undefined;
    this.#events += events.length;
    this.#rate.add(events.length);
    this.#newestRecordedAt = events.at(-1)?.recordedAt ?? this.#newestRecordedAt;
    const { position } = worker;
    if (!this.#stopping.signal.aborted) {
      const wasLive = this.#state === "live";
      this.#state = page.isCaughtUp ? "live" : "catching-up";
      this.#settings.report({ kind: "progress", position, events: events.length });
      if (page.isCaughtUp && !wasLive) {
        this.#hasCaughtUp = true;
        await worker.save();
        this.#settings.report({ kind: "caught-up", position });
      }
    }
    this.#waiters.reached(position);
  }

  #retrying(error: unknown): void {
    this.#lastError = error;
    if (!this.#stopping.signal.aborted) this.#state = "retrying";
  }

  /** Waits before the store is asked again. @throws the error itself when that makes no sense */
  async #backOff(error: unknown): Promise<void> {
    const { storeRetry, clock, random, report } = this.#settings;
    this.#readFailures += 1;
    if (!isTransient(error) || this.#readFailures >= storeRetry.maxAttempts) throw error;
    const delayMs = backOffMs(storeRetry, this.#readFailures, random);
    this.#retrying(error);
    report({ kind: "retrying", error, attempt: this.#readFailures, delayMs });
    await clock.delay(delayMs, this.#stopping.signal);
  }
}

async function nextPage(pages: AsyncGenerator<Page, void, undefined>): Promise<Page> {
  try {
    const result = await pages.next();
    if (result.done !== true) return result.value;
    throw new StoreUnavailableError("the live read of the store ended by itself");
  } catch (cause) {
    throw new ReadFailure("the store could not be read", { cause });
  }
}
