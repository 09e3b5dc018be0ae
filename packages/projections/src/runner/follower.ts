import { isEventSourcingError, type Page, type Position, START } from "@es/core";
import type { Ledger } from "../checkpoint/ledger.ts";
import { openCheckpoint } from "../checkpoint/open-checkpoint.ts";
import { verifyCheckpoint } from "../checkpoint/verify-checkpoint.ts";
import type { Delivery } from "../definition/delivery.ts";
import type { Projection } from "../definition/projection.ts";
import { CheckpointMismatchError } from "../errors/errors.ts";
import { ContinuityCheck } from "./continuity.ts";
import { LivePages, ReadFailure } from "./live-pages.ts";
import type { Mutex } from "./mutex.ts";
import { PageWorker } from "./page-worker.ts";
import type { PauseGate } from "./pause-gate.ts";
import { backOffMs, isTransient } from "./retry.ts";
import type { RunnerMonitor } from "./runner-monitor.ts";
import type { RunnerSettings } from "./runner-options.ts";
import { settledWithin } from "./settled-within.ts";

/** What a follower needs of its runner. */
export interface FollowerParts {
  readonly projection: Projection<Delivery>;
  readonly ledger: Ledger;
  readonly settings: RunnerSettings;
  readonly monitor: RunnerMonitor;
  /** Ends reading and waiting. */
  readonly stopping: AbortSignal;
  /** Ends handlers. */
  readonly giveUp: AbortSignal;
  /** Holds pages up while the runner is paused. */
  readonly gate: PauseGate;
  /** Held while a page is handled. */
  readonly mutex: Mutex;
  /** Called when everything up to a position was handled. */
  readonly onReached: (position: Position) => void;
}

/** Takes the checkpoint over and works through the log behind it, page by page. */
export class Follower {
  readonly #parts: FollowerParts;
  readonly #id = globalThis.crypto.randomUUID();
  #worker: PageWorker | undefined;
  #continuity: ContinuityCheck | undefined;
  #hasCaughtUp = false;
  #readFailures = 0;

  constructor(parts: FollowerParts) {
    this.#parts = parts;
  }

  /** What works through the pages, once {@link open} has resolved. */
  get worker(): PageWorker | undefined {
    return this.#worker;
  }

  /** Everything up to here was handled. */
  get position(): Position {
    return this.#worker?.position ?? START;
  }

  /** Verifies and claims the checkpoint. Tries as often as the store may need. */
  async open(): Promise<void> {
    const { monitor, settings, onReached } = this.#parts;
    for (;;) {
      try {
        await this.#claim();
        break;
      } catch (error) {
        await this.#backOff(error);
      }
    }
    this.#readFailures = 0;
    monitor.state = "catching-up";
    settings.report({ kind: "started", position: this.position });
    onReached(this.position);
  }

  /** Reads and handles until the runner is stopped, or until the store cannot be read; then it may be called again. */
  async follow(): Promise<void> {
    const { settings, projection, stopping, mutex } = this.#parts;
    const { store, pageSize } = settings;
    const { filter } = projection;
    const pages = new LivePages({ store, filter, after: this.position, pageSize, signal: stopping });
    try {
      await this.#verify();
      for (;;) {
        const page = await this.#next(pages);
        if (stopping.aborted) return;
        await mutex.run(() => this.#handle(page));
      }
    } catch (error) {
      if (!(error instanceof ReadFailure)) throw error;
      // That the read ended is what stopping is about.
      if (stopping.aborted) return;
      await this.#backOff(this.#verdict(error.cause));
    } finally {
      await pages.close();
    }
  }

  /** The next page, when it may be handled. A checkpoint that waits to be stored does not wait for that. */
  async #next(pages: LivePages): Promise<Page> {
    const { settings, stopping, gate, mutex } = this.#parts;
    const next = pages.next().then(async (page) => {
      await gate.passed(stopping);
      return page;
    });
    const dueMs = this.#worker?.saveDueMs;
    if (dueMs !== undefined && !(await settledWithin(next, dueMs, settings))) {
      await mutex.run(async () => this.#worker?.save());
    }
    return next;
  }

  async #claim(): Promise<void> {
    const { projection, ledger, settings, monitor, stopping, giveUp } = this.#parts;
    const { store, shadowOf } = settings;
    const opener = { store, shadowOf, runner: this.#id, signal: stopping };
    const checkpoint = await openCheckpoint(projection, ledger, opener);
    const isCatchingUp = (): boolean => !this.#hasCaughtUp;
    const onRetrying = (error: unknown): void => {
      if (monitor.isBetweenPages) monitor.besides = { error };
      else this.#retrying(error);
    };
    this.#worker = new PageWorker(
      { projection, ledger, settings, stopping, giveUp, isCatchingUp, onRetrying },
      checkpoint,
    );
    this.#continuity = new ContinuityCheck({
      seesWholeStreams: projection.filter?.types === undefined,
      fromBeginning: checkpoint.position === START,
    });
  }

  /** While the store could not be read, it may have become another one, or have been restored. @throws ReadFailure */
  async #verify(): Promise<void> {
    const { projection, settings, stopping } = this.#parts;
    if (this.#readFailures === 0 || this.#worker === undefined) return;
    try {
      await verifyCheckpoint(projection.name, this.#worker.checkpoint, settings.store, stopping);
    } catch (cause) {
      throw new ReadFailure("the store could not be read", { cause });
    }
  }

  async #handle(page: Page): Promise<void> {
    const worker = this.#worker;
    if (worker === undefined) return;
    const { settings, monitor, stopping, onReached } = this.#parts;
    const { select } = settings;
    const events = select === undefined ? page.events : page.events.filter(({ streamId }) => select(streamId));
    this.#continuity?.check(events);
    await worker.process({ ...page, events });
    this.#readFailures = 0;
    monitor.handled(events);
    const { position } = worker;
    if (!stopping.aborted) {
      const wasLive = monitor.state === "live";
      monitor.state = page.isCaughtUp ? "live" : "catching-up";
      settings.report({ kind: "progress", position, events: events.length });
      if (page.isCaughtUp && !wasLive) {
        this.#hasCaughtUp = true;
        await worker.save();
        settings.report({ kind: "caught-up", position });
      }
    }
    onReached(position);
  }

  /** What a failed read means: a store that does not know the position has lost events. */
  #verdict(cause: unknown): unknown {
    if (!isEventSourcingError(cause, "ES_INVALID_POSITION")) return cause;
    return new CheckpointMismatchError(
      this.#parts.projection.name,
      "ahead",
      `is at ${this.position}, which the store refuses: it lost events, or was restored; restore store and read model ` +
        "from backups of the same moment, or empty the read model, call resetProjection() and start again",
      { cause },
    );
  }

  #retrying(error: unknown): void {
    const { monitor, stopping } = this.#parts;
    monitor.lastError = error;
    if (!stopping.aborted) monitor.state = "retrying";
  }

  /** Waits before the store is asked again. @throws the error itself when that makes no sense */
  async #backOff(error: unknown): Promise<void> {
    const { settings, stopping } = this.#parts;
    const { storeRetry, clock, random, report } = settings;
    this.#readFailures += 1;
    if (!isTransient(error) || this.#readFailures >= storeRetry.maxAttempts) throw error;
    const delayMs = backOffMs(storeRetry, this.#readFailures, random);
    this.#retrying(error);
    report({ kind: "retrying", error, attempt: this.#readFailures, delayMs });
    await clock.delay(delayMs, stopping);
  }
}
