import type { Position, RecordedEvent } from "@es/core";
import type { Checkpoint } from "./checkpoint.ts";
import type { Delivery } from "./delivery.ts";
import { HandlerFailedError } from "./errors.ts";
import { HandlerFailure, type Ledger } from "./ledger.ts";
import type { Projection } from "./projection.ts";
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

  constructor(parts: CommitterParts, checkpoint: Checkpoint) {
    this.#parts = parts;
    this.#checkpoint = checkpoint;
  }

  /** The checkpoint as it is stored. */
  get checkpoint(): Checkpoint {
    return this.#checkpoint;
  }

  /** One attempt at handling, and as many at storing as the store may need. @throws HandlerFailure */
  async commit(events: readonly RecordedEvent[], checkpoint: Checkpoint, attempt = 1): Promise<void> {
    const { ledger, projection, settings, stopping, giveUp, isCatchingUp } = this.#parts;
    const isReplay = isReplayed(this.#checkpoint, events);
    const context = { projection: projection.name, signal: giveUp, attempt, isCatchingUp: isCatchingUp(), isReplay };
    for (let failures = 1; ; failures += 1) {
      try {
        await ledger.commit({ events, checkpoint, context });
        this.#checkpoint = checkpoint;
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
  async handle(event: RecordedEvent, checkpoint: Checkpoint, earlier?: HandlerFailure): Promise<void> {
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
