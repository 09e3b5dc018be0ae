import type { Page, Position, RecordedEvent } from "@es/core";
import type { Checkpoint } from "./checkpoint.ts";
import type { Delivery } from "./delivery.ts";
import { HandlerFailedError } from "./errors.ts";
import { HandlerFailure, type Ledger } from "./ledger.ts";
import type { Projection } from "./projection.ts";
import { backOffMs, isTransient, type RetrySettings } from "./retry.ts";
import type { RunnerSettings } from "./runner-options.ts";

/** Pages without events after which the checkpoint is stored all the same, so that a restart does not read them again. */
const EMPTY_PAGES_PER_CHECKPOINT = 100;

/** What a worker needs of its runner. */
export interface WorkerParts {
  readonly projection: Projection<Delivery>;
  readonly ledger: Ledger;
  readonly settings: RunnerSettings;
  /** Ends waiting for another attempt. */
  readonly stopping: AbortSignal;
  /** Ends handlers. */
  readonly giveUp: AbortSignal;
  readonly isCatchingUp: () => boolean;
  readonly onRetrying: (error: unknown) => void;
}

/** Works through pages: all events at once, and one by one when that fails. */
export class PageWorker {
  readonly #parts: WorkerParts;
  #checkpoint: Checkpoint;
  #unsavedPages = 0;

  constructor(parts: WorkerParts, checkpoint: Checkpoint) {
    this.#parts = parts;
    this.#checkpoint = checkpoint;
  }

  /** How far everything was handled. May be ahead of what is stored by pages without events. */
  get position(): Position {
    return this.#checkpoint.position;
  }

  /**
   * Handles the events of a page and moves the checkpoint behind it.
   * @throws HandlerFailedError when a handler failed too often
   */
  async process({ events, next }: Page): Promise<void> {
    if (events.length === 0) {
      if (next === this.position) return;
      this.#checkpoint = { ...this.#checkpoint, position: next };
      this.#unsavedPages += 1;
      if (this.#unsavedPages >= EMPTY_PAGES_PER_CHECKPOINT) await this.save();
      return;
    }
    try {
      await this.#commit(events, this.#behind(events, next), 1);
    } catch (error) {
      if (!(error instanceof HandlerFailure)) throw error;
      await this.#oneByOne(events, next, error);
    }
  }

  /** Stores how far it came over pages without events. */
  async save(): Promise<void> {
    if (this.#unsavedPages > 0) await this.#commit([], this.#checkpoint, 1);
  }

  async #oneByOne(events: readonly RecordedEvent[], next: Position, first: HandlerFailure): Promise<void> {
    const done = events.slice(0, first.handled);
    const end = done.at(-1);
    if (end !== undefined) await this.#commit([], this.#behind(done, end.position), 1);
    const wasBlamed = this.#parts.projection.isSingle || events.length === 1;
    const blamed = wasBlamed ? events[first.failedAt] : undefined;
    for (const event of events.slice(first.handled)) {
      await this.#handle(event, event === blamed ? first : undefined);
    }
    this.#checkpoint = { ...this.#checkpoint, position: next };
    this.#unsavedPages += 1;
  }

  /** Handles one event as often as it takes. `earlier`: how its first attempt failed already. */
  async #handle(event: RecordedEvent, earlier: HandlerFailure | undefined): Promise<void> {
    let attempt = 1;
    let failure = earlier;
    for (;;) {
      if (failure !== undefined) {
        const { settings, projection } = this.#parts;
        const limits = isTransient(failure.cause) ? settings.storeRetry : settings.retry;
        if (attempt >= limits.maxAttempts) {
          const { type, streamId, version, position } = event;
          throw new HandlerFailedError(projection.name, { eventType: type, streamId, version, position }, attempt, {
            cause: failure.cause,
          });
        }
        await this.#backOff(limits, attempt, failure.cause, event);
        attempt += 1;
      }
      try {
        await this.#commit([event], this.#behind([event], event.position), attempt);
        return;
      } catch (error) {
        if (!(error instanceof HandlerFailure)) throw error;
        failure = error;
      }
    }
  }

  /** One attempt at handling, and as many at storing as the store may need. */
  async #commit(events: readonly RecordedEvent[], checkpoint: Checkpoint, attempt: number): Promise<void> {
    const { ledger, projection, settings, stopping, giveUp, isCatchingUp } = this.#parts;
    const context = { projection: projection.name, signal: giveUp, attempt, isCatchingUp: isCatchingUp() };
    for (let failures = 1; ; failures += 1) {
      try {
        await ledger.commit({ events, checkpoint, context });
        this.#checkpoint = checkpoint;
        this.#unsavedPages = 0;
        return;
      } catch (error) {
        if (!isTransient(error) || failures >= settings.storeRetry.maxAttempts || stopping.aborted) throw error;
        await this.#backOff(settings.storeRetry, failures, error);
      }
    }
  }

  async #backOff(limits: RetrySettings, failures: number, error: unknown, event?: RecordedEvent): Promise<void> {
    const { settings, stopping, onRetrying } = this.#parts;
    const delayMs = backOffMs(limits, failures, settings.random);
    onRetrying(error);
    settings.report({
      kind: "retrying",
      error,
      attempt: failures,
      delayMs,
      ...(event === undefined ? {} : { event }),
    });
    await settings.clock.delay(delayMs, stopping);
  }

  #behind(events: readonly RecordedEvent[], position: Position): Checkpoint {
    const { last, events: count } = this.#checkpoint;
    const newest = events.at(-1);
    return {
      ...this.#checkpoint,
      position,
      events: count + events.length,
      last: newest === undefined ? last : { streamId: newest.streamId, version: newest.version, id: newest.id },
    };
  }
}
