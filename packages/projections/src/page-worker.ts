import type { Page, Position, RecordedEvent } from "@es/core";
import type { Checkpoint } from "./checkpoint.ts";
import { checkpointBehind, Committer, type CommitterParts } from "./committer.ts";
import { HandlerFailedError, ParkingFullError } from "./errors.ts";
import { HandlerFailure } from "./ledger.ts";
import { countParked, type ParkedList, splitParked, withParked } from "./parked.ts";
import { discardParked, replayParked } from "./replay-parked.ts";
import { isTransient } from "./retry.ts";

/** Pages without events after which the checkpoint is stored all the same, so that a restart does not read them again. */
const EMPTY_PAGES_PER_CHECKPOINT = 100;

/** Works through pages: all events at once, and one by one when that fails. */
export class PageWorker {
  readonly #parts: CommitterParts;
  readonly #committer: Committer;
  /** How far pages without events have led beyond the stored checkpoint. */
  #reached: Position;
  #unsavedPages = 0;

  constructor(parts: CommitterParts, checkpoint: Checkpoint) {
    this.#parts = parts;
    this.#committer = new Committer(parts, checkpoint);
    this.#reached = checkpoint.position;
  }

  /** How far everything was handled. May be ahead of what is stored by pages without events. */
  get position(): Position {
    return this.#reached;
  }

  /** The streams that are held back. */
  get parked(): ParkedList {
    return this.#committer.checkpoint.parked;
  }

  /**
   * Handles the events of a page and moves the checkpoint behind it.
   * @throws HandlerFailedError when a handler failed too often, ParkingFullError when no more may be held back
   */
  async process(page: Page): Promise<void> {
    const { events, next } = page;
    const { replayTo } = this.#committer.checkpoint;
    const firstNew = replayTo === undefined ? 0 : events.findIndex(({ position }) => position > replayTo);
    const before = events[firstNew - 1];
    if (before !== undefined) {
      await this.process({ ...page, events: events.slice(0, firstNew), next: before.position });
      await this.process({ ...page, events: events.slice(firstNew) });
      return;
    }
    if (events.length === 0) {
      await this.#pass(next);
      return;
    }
    const { parked, free } = splitParked(this.parked, events);
    this.#assertRoom(parked);
    const checkpoint = checkpointBehind(this.#committer.checkpoint, next, free, events.at(-1));
    try {
      await this.#committer.commit(free, { ...checkpoint, parked });
      this.#stored();
    } catch (error) {
      if (!(error instanceof HandlerFailure)) throw error;
      await this.#oneByOne(events, free, error);
      await this.#pass(next);
    }
  }

  /** Stores how far it came over pages without events. */
  async save(): Promise<void> {
    if (this.#unsavedPages === 0) return;
    await this.#committer.commit([], { ...this.#committer.checkpoint, position: this.#reached });
    this.#stored();
  }

  /** Handles something that is no event of the feed. The checkpoint stays where it is, and is written with it. */
  async insert(event: RecordedEvent): Promise<void> {
    await this.save();
    await this.#committer.handle(event, { ...this.#committer.checkpoint });
  }

  /** Handles what is held back of a stream, in order. @returns how many events that were */
  async replay(streamId: string): Promise<number> {
    await this.save();
    return replayParked(streamId, this.#parts, this.#committer);
  }

  /** Forgets what is held back of a stream. @returns how many events that were */
  async discard(streamId: string): Promise<number> {
    await this.save();
    return discardParked(streamId, this.#committer);
  }

  async #pass(next: Position): Promise<void> {
    if (next === this.#reached) return;
    this.#reached = next;
    this.#unsavedPages += 1;
    if (this.#unsavedPages >= EMPTY_PAGES_PER_CHECKPOINT) await this.save();
  }

  #stored(): void {
    this.#reached = this.#committer.checkpoint.position;
    this.#unsavedPages = 0;
  }

  /** `free` are those of the events that were not held back already; `first` says how handling them all at once failed. */
  async #oneByOne(
    events: readonly RecordedEvent[],
    free: readonly RecordedEvent[],
    first: HandlerFailure,
  ): Promise<void> {
    const done = new Set(free.slice(0, first.handled));
    const isCertain = this.#parts.projection.isSingle || free.length === 1;
    const blamed = isCertain ? free[first.failedAt] : undefined;
    let ahead = this.#committer.checkpoint;
    for (const event of events) {
      const { parked, free: own } = splitParked(ahead.parked, [event]);
      this.#assertRoom(parked);
      const behind = { ...checkpointBehind(ahead, event.position, own, event), parked };
      if (own.length === 0 || done.has(event)) {
        ahead = behind;
        continue;
      }
      if (ahead !== this.#committer.checkpoint) await this.#committer.commit([], ahead);
      await this.#handle(event, behind, event === blamed ? first : undefined);
      ahead = this.#committer.checkpoint;
    }
    if (ahead !== this.#committer.checkpoint) await this.#committer.commit([], ahead);
    this.#stored();
  }

  async #handle(event: RecordedEvent, checkpoint: Checkpoint, earlier: HandlerFailure | undefined): Promise<void> {
    try {
      await this.#committer.handle(event, checkpoint, earlier);
    } catch (error) {
      // An outage is no fault of the event, however long it lasts.
      if (!(error instanceof HandlerFailedError) || isTransient(error.cause)) throw error;
      await this.#giveUpOn(event, error);
    }
  }

  async #giveUpOn(event: RecordedEvent, failure: HandlerFailedError): Promise<void> {
    const { onFailure, report, clock } = this.#parts.settings;
    if (onFailure.kind === "stop") throw failure;
    const facts = { event, error: failure.cause, attempts: failure.attempts };
    const checkpoint = checkpointBehind(this.#committer.checkpoint, event.position, [], event);
    if (onFailure.kind === "skip") {
      await this.#committer.commit([], checkpoint);
      report({ kind: "skipped", ...facts });
      return;
    }
    const parked = withParked(this.parked, event, {
      error: failure.cause,
      attempts: failure.attempts,
      now: clock.now(),
    });
    this.#assertRoom(parked, failure);
    await this.#committer.commit([], { ...checkpoint, parked });
    report({ kind: "parked", ...facts });
  }

  #assertRoom(parked: ParkedList, cause?: unknown): void {
    const { onFailure } = this.#parts.settings;
    if (onFailure.kind !== "park" || parked.length === 0) return;
    const events = countParked(parked);
    if (parked.length <= onFailure.maxStreams && events <= onFailure.maxEvents) return;
    throw new ParkingFullError(
      this.#parts.projection.name,
      { streams: parked.length, events, ...onFailure },
      cause === undefined ? {} : { cause },
    );
  }
}
