import type { Position, RecordedEvent } from "@es/core";
import type { Checkpoint } from "../checkpoint/checkpoint.ts";
import { HandlerFailure, type Ledger } from "../checkpoint/ledger.ts";
import type { Delivery, HandlerContext } from "../definition/delivery.ts";
import type { Projection } from "../definition/projection.ts";
import { HandlerFailedError } from "../errors/errors.ts";
import { backOffMs, isTransient, type RetrySettings } from "./retry.ts";
import type { RunnerSettings } from "./runner-options.ts";

/** What a committer needs of its runner. */
export interface CommitterParts {
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

/** Brings events and checkpoint into the ledger, with as many attempts as they may have. */
export class Committer {
  readonly #parts: CommitterParts;
  #checkpoint: Checkpoint;
  /** By the clock, a moment at which the stored checkpoint was this runner's. */
  #heldAt = Number.NEGATIVE_INFINITY;

  constructor(parts: CommitterParts, checkpoint: Checkpoint) {
    this.#parts = parts;
    this.#checkpoint = checkpoint;
  }

  /** The checkpoint behind what was handled. Stored, unless that was left to a later commit. */
  get checkpoint(): Checkpoint {
    return this.#checkpoint;
  }

  /** How long it may still be left to a later commit; 0 when it may not, or not any more. */
  get deferrableMs(): number {
    const { ledger, settings } = this.#parts;
    if (ledger.handle === undefined) return 0;
    const sinceMs = settings.clock.monotonic() - this.#heldAt;
    return Math.max(0, settings.checkpointIntervalMs - sinceMs);
  }

  /** One attempt at handling; the checkpoint is left to a later commit. @throws HandlerFailure */
  async handle(events: readonly RecordedEvent[], checkpoint: Checkpoint): Promise<void> {
    await this.#parts.ledger.handle?.({ events, checkpoint, context: this.#contextOf(events, 1) });
    this.#checkpoint = checkpoint;
  }

  /** One attempt at handling, and as many at storing as the store may need. @throws HandlerFailure */
  async commit(events: readonly RecordedEvent[], checkpoint: Checkpoint, attempt = 1): Promise<void> {
    const { ledger, settings, stopping } = this.#parts;
    const context = this.#contextOf(events, attempt);
    for (let failures = 1; ; failures += 1) {
      try {
        const startedAt = settings.clock.monotonic();
        await ledger.commit({ events, checkpoint, context });
        this.#checkpoint = checkpoint;
        this.#heldAt = startedAt;
        return;
      } catch (error) {
        if (!isTransient(error) || failures >= settings.storeRetry.maxAttempts || stopping.aborted) throw error;
        await this.#backOff(settings.storeRetry, failures, error);
      }
    }
  }

  /**
   * As many attempts at one event as it may have.
   *
   * @param earlier - how its first attempt failed already
   * @throws HandlerFailedError after the last one
   */
  async commitOne(event: RecordedEvent, checkpoint: Checkpoint, earlier?: HandlerFailure): Promise<void> {
    const { settings, projection } = this.#parts;
    let failure = earlier;
    /** Failures by whose fault they were: an outage takes none of an event's attempts. */
    const failures = { ofEvent: 0, ofStore: 0 };
    for (let attempt = 1; ; ) {
      if (failure !== undefined) {
        const { cause } = failure;
        const isOutage = isTransient(cause);
        const limits = isOutage ? settings.storeRetry : settings.retry;
        const count = isOutage ? (failures.ofStore += 1) : (failures.ofEvent += 1);
        if (count >= limits.maxAttempts) {
          const { type, streamId, version, position } = event;
          const facts = { eventType: type, streamId, version, position };
          throw new HandlerFailedError(projection.name, facts, attempt, { cause });
        }
        await this.#backOff(limits, count, cause, event);
        attempt += 1;
      }
      try {
        await this.commit([event], checkpoint, attempt);
        return;
      } catch (error) {
        if (!(error instanceof HandlerFailure)) throw error;
        failure = error;
      }
    }
  }

  #contextOf(events: readonly RecordedEvent[], attempt: number): HandlerContext {
    const { projection, giveUp, isCatchingUp } = this.#parts;
    const isReplay = isReplayed(this.#checkpoint, events);
    return { projection: projection.name, signal: giveUp, attempt, isCatchingUp: isCatchingUp(), isReplay };
  }

  async #backOff(limits: RetrySettings, failures: number, error: unknown, event?: RecordedEvent): Promise<void> {
    const { settings, stopping, onRetrying } = this.#parts;
    const delayMs = backOffMs(limits, failures, settings.random);
    onRetrying(error);
    const facts = event === undefined ? {} : { event };
    settings.report({ kind: "retrying", error, attempt: failures, delayMs, ...facts });
    await settings.clock.delay(delayMs, stopping);
  }
}

/** Whether events were handled before. All of them, or none: a page is split where that ends. */
function isReplayed({ shadowOf, replayTo }: Checkpoint, events: readonly RecordedEvent[]): boolean {
  const newest = events.at(-1);
  if (shadowOf !== undefined) return true;
  return replayTo !== undefined && newest !== undefined && newest.position <= replayTo;
}

/** The checkpoint behind some more events. */
export function checkpointBehind(
  before: Checkpoint,
  position: Position,
  handled: readonly RecordedEvent[],
  newest: RecordedEvent | undefined,
): Checkpoint {
  return {
    ...before,
    position,
    events: before.events + handled.length,
    last: newest === undefined ? before.last : { streamId: newest.streamId, version: newest.version, id: newest.id },
  };
}
