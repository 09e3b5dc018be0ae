import type { Page, Position, RecordedEvent } from "@es/core";
import type { Checkpoint } from "../checkpoint/checkpoint.ts";
import { HandlerFailure } from "../checkpoint/ledger.ts";
import { HandlerFailedError, ParkingFullError } from "../errors/errors.ts";
import { countParked, type ParkedList, splitParked, withParked } from "../parking/parked.ts";
import { discardParked, replayParked } from "../parking/replay-parked.ts";
import { Committer, type CommitterParts, checkpointBehind } from "./committer.ts";
import { isTransient } from "./retry.ts";

/** Pages after which the checkpoint is stored all the same, so that a restart does not read them again. */
const MOST_UNSAVED_PAGES = 100;

/** Works through pages: all events at once, and one by one when that fails. */
export class PageWorker {
  readonly #parts: CommitterParts;
  readonly #committer: Committer;
  /** How far pages have led, beyond the stored checkpoint too. */
  #reached: Position;
  #unsavedPages = 0;
  /** Whether events were handled beyond the stored checkpoint. */
  #hasUnsavedEvents = false;

  constructor(parts: CommitterParts, checkpoint: Checkpoint) {
    this.#parts = parts;
    this.#committer = new Committer(parts, checkpoint);
    this.#reached = checkpoint.position;
  }

  /** How far everything was handled. May be ahead of what is stored. */
  get position(): Position {
    return this.#reached;
  }

  /** How long the checkpoint behind handled events may still be left unsaved; `undefined` when there is none. */
  get saveDueMs(): number | undefined {
    return this.#hasUnsavedEvents ? this.#committer.deferrableMs : undefined;
  }

  /** What it goes on from. */
  get checkpoint(): Checkpoint {
    return { ...this.#committer.checkpoint, position: this.#reached };
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
    // At the head, nobody should have to wait for the checkpoint; what is held back changes with it.
    const isDeferred = !page.isCaughtUp && parked.length === 0 && this.#committer.deferrableMs > 0;
    try {
      if (isDeferred) await this.#defer(free, { ...checkpoint, parked });
      else {
        await this.#committer.commit(free, { ...checkpoint, parked });
        this.#stored();
      }
    } catch (error) {
      if (!(error instanceof HandlerFailure)) throw error;
      // Attempts take a while, and may be the last thing that happens.
      await this.save();
      await this.#inPieces(events, error);
      this.#stored();
      await this.#pass(next);
    }
  }

  /** Stores how far it came. */
  async save(): Promise<void> {
    if (this.#unsavedPages === 0) return;
    await this.#committer.commit([], { ...this.#committer.checkpoint, position: this.#reached });
    this.#stored();
  }

  /** Handles something that is no event of the feed. The checkpoint stays where it is, and is written with it. */
  async insert(event: RecordedEvent): Promise<void> {
    await this.save();
    await this.#committer.commitOne(event, { ...this.#committer.checkpoint });
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

  /** Handles events and leaves the checkpoint for later, unless that is now. */
  async #defer(events: readonly RecordedEvent[], checkpoint: Checkpoint): Promise<void> {
    await this.#committer.handle(events, checkpoint);
    this.#hasUnsavedEvents = true;
    await this.#pass(checkpoint.position);
    if (this.saveDueMs === 0) await this.save();
  }

  async #pass(next: Position): Promise<void> {
    if (next === this.#reached) return;
    this.#reached = next;
    this.#unsavedPages += 1;
    if (this.#unsavedPages >= MOST_UNSAVED_PAGES) await this.save();
  }

  #stored(): void {
    this.#reached = this.#committer.checkpoint.position;
    this.#unsavedPages = 0;
    this.#hasUnsavedEvents = false;
  }

  /**
   * Handles events in smaller stretches, down to the one that is to blame, when all of them at once failed: around it when it is known,
   * by halves when not. So one bad event of a page does not cost a transaction for each of the others.
   */
  async #inPieces(events: readonly RecordedEvent[], first?: HandlerFailure): Promise<void> {
    const failure = first ?? (await this.#together(events));
    if (failure === undefined) return;
    const { free } = splitParked(this.parked, events);
    const newest = free[failure.handled - 1];
    // Without transactions, what is in front of the failure has taken effect.
    const done = newest === undefined ? 0 : events.indexOf(newest) + 1;
    if (done > 0) await this.#commit(events.slice(0, done), []);
    const isCertain = this.#parts.projection.isSingle || free.length === 1;
    const blamed = isCertain ? free[failure.failedAt] : undefined;
    if (blamed === undefined) {
      const middle = Math.max(done, Math.ceil(events.length / 2));
      await this.#inPieces(events.slice(done, middle));
      await this.#inPieces(events.slice(middle));
      return;
    }
    const place = events.indexOf(blamed);
    await this.#inPieces(events.slice(done, place));
    await this.#alone(blamed, failure);
    await this.#inPieces(events.slice(place + 1));
  }

  /** @returns how handling them all at once failed, if it did */
  async #together(events: readonly RecordedEvent[]): Promise<HandlerFailure | undefined> {
    if (events.length === 0) return undefined;
    try {
      await this.#commit(events, splitParked(this.parked, events).free);
      return undefined;
    } catch (error) {
      if (error instanceof HandlerFailure) return error;
      throw error;
    }
  }

  async #alone(event: RecordedEvent, failure: HandlerFailure): Promise<void> {
    const { parked, free } = splitParked(this.parked, [event]);
    // What was handled in front of it may have parked its stream.
    if (free.length === 0) await this.#commit([event], []);
    else {
      const behind = checkpointBehind(this.#committer.checkpoint, event.position, free, event);
      await this.#handle(event, { ...behind, parked }, failure);
    }
  }

  /** Moves the checkpoint behind events, of which `handled` are to be handled. Those of parked streams are noted. */
  async #commit(events: readonly RecordedEvent[], handled: readonly RecordedEvent[]): Promise<void> {
    const newest = events.at(-1);
    if (newest === undefined) return;
    const { parked, free } = splitParked(this.parked, events);
    this.#assertRoom(parked);
    const behind = checkpointBehind(this.#committer.checkpoint, newest.position, free, newest);
    await this.#committer.commit(handled, { ...behind, parked });
  }

  async #handle(event: RecordedEvent, checkpoint: Checkpoint, earlier: HandlerFailure): Promise<void> {
    try {
      await this.#committer.commitOne(event, checkpoint, earlier);
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
