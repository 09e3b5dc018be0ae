import { NotJsonError } from "../adapter/not-json.ts";
import { toJsonObject } from "../adapter/to-json.ts";
import { PendingEventsError, StreamIntegrityError } from "../errors/aggregate-errors.ts";
import { ConfigurationError } from "../errors/configuration-error.ts";
import { InvalidEventError, MissingHandlerError } from "../errors/event-errors.ts";
import { deepFreeze } from "../events/deep-freeze.ts";
import type { DomainEvent, EventDetails } from "../events/event-types.ts";
import type { JsonValue } from "../store/json.ts";
import type { EventMetadata, NewEvent, RecordedEvent } from "../store/recorded-event.ts";
import { eventIdProblem } from "../store/event-id.ts";
import { streamIdOf } from "../store/stream-id.ts";
import { textProblem } from "../store/text-limits.ts";
import type { AggregateDefinition, DomainCommand } from "./aggregate-definition.ts";
import { PendingEvent } from "./pending-event.ts";
import { decodeState, encodeState, stateVersionOf } from "./state-codec.ts";

/**
 * A consistency boundary: its state follows from its events, and every change is an event. Extend it to write an aggregate
 * as a class; {@link defineAggregate} makes one from plain functions.
 *
 * States are frozen, so `apply` must return a new state instead of changing the one it gets. A `Date`, a `Map`, a `Set` or
 * bytes in a state cannot be frozen: leave them as they are too.
 *
 * @example
 * ```ts
 * class Account extends Aggregate<AccountState, AccountEvent, AccountCommand> {
 *   constructor(id: string) {
 *     super(id, accountDefinition);
 *   }
 *   protected apply(state: AccountState, event: AccountEvent): AccountState {
 *     switch (event.type) {
 *       case "Opened":
 *         return { ...state, owner: event.data.owner };
 *     }
 *   }
 *   execute(command: AccountCommand): void {
 *     this.emit({ type: "Opened", data: { owner: command.data.owner } });
 *   }
 * }
 * ```
 */
export abstract class Aggregate<State, Event extends DomainEvent, Command extends DomainCommand = DomainCommand> {
  /** The part of the stream id behind the category. */
  readonly id: string;
  /** The stream of its events. */
  readonly streamId: string;
  /** What it was made from. */
  readonly definition: AggregateDefinition<State, Event>;
  #state: State;
  /** The state without the pending events. */
  #stored: State;
  #version = 0;
  #lastEventId: string | undefined;
  #pending: readonly PendingEvent<Event>[] = [];
  #isApplying = false;

  /** @throws ConfigurationError when the id or the definition's name breaks the rules of stream ids */
  constructor(id: string, definition: AggregateDefinition<State, Event>) {
    this.id = id;
    this.definition = definition;
    this.streamId = streamIdOf(definition.name, id);
    this.#state = deepFreeze(definition.initialState());
    this.#stored = this.#state;
  }

  /** The state that follows. Called for new and for stored events; must not have effects, nor change `state`. */
  protected abstract apply(state: State, event: Event): State;

  /** Decides about a command: emits events, or throws before it has emitted any, which leaves everything as it was. */
  abstract execute(command: Command): void;

  /** The state after all events, the pending ones included. */
  get state(): State {
    return this.#state;
  }

  /** How many events of this aggregate are stored. Pending events do not count. */
  get version(): number {
    return this.#version;
  }

  /** Whether nothing is stored yet. */
  get isNew(): boolean {
    return this.#version === 0;
  }

  /** The events that were emitted and not saved, oldest first. A new list each time. */
  get pendingEvents(): readonly Event[] {
    return this.#pending.map((pending) => pending.event);
  }

  /** Whether events were emitted and not saved. */
  get hasPendingEvents(): boolean {
    return this.#pending.length > 0;
  }

  /**
   * Records that something happened: each event is checked, applied and kept for the next save. All or nothing: when one
   * is refused, none has happened.
   *
   * @throws InvalidEventError, UnknownEventTypeError, MissingHandlerError, or what `apply` throws
   * @throws ConfigurationError when it is called by `apply`
   */
  protected emit(...events: readonly (Event & EventDetails)[]): void {
    if (this.#isApplying) {
      throw new ConfigurationError(
        `aggregate ${JSON.stringify(this.streamId)} emits an event while it applies one; every replay would emit it again, so emit in execute`,
      );
    }
    let state = this.#state;
    const emitted = events.map((given) => {
      const encoded = this.definition.events.encode(given);
      // What is applied now is what a replay will apply: the stored form, decoded.
      const event = deepFreeze(this.definition.events.decodeOwn(encoded));
      state = this.#next(state, event);
      return new PendingEvent(event, encoded, detailsOf(given, this.streamId));
    });
    this.#state = deepFreeze(state);
    this.#pending = [...this.#pending, ...emitted];
  }

  /**
   * Applies stored events that follow on the current version. All or nothing: when one is refused, nothing has changed.
   *
   * @throws PendingEventsError when there are pending events, which were decided on an older state
   * @throws StreamIntegrityError when an event is of another stream or not the next one
   * @throws UnknownEventTypeError, InvalidEventError, UpcastError when an event cannot be read
   */
  rehydrate(events: Iterable<RecordedEvent>): void {
    this.#refusePending("replayed");
    let state = this.#state;
    let version = this.#version;
    let lastEventId = this.#lastEventId;
    for (const recorded of events) {
      if (recorded.streamId !== this.streamId) {
        throw new StreamIntegrityError(
          this.streamId,
          `it contains an event of stream ${JSON.stringify(recorded.streamId)}`,
        );
      }
      if (recorded.version !== version + 1) {
        throw new StreamIntegrityError(this.streamId, `after version ${version} comes version ${recorded.version}`);
      }
      state = this.#next(state, this.definition.events.decode(recorded), recorded);
      version = recorded.version;
      lastEventId = recorded.id;
    }
    this.#restore({ version, lastEventId, state: deepFreeze(state) });
  }

  /**
   * The state in its stored form.
   * @throws PendingEventsError when there are pending events, because the stored state would run ahead of its version
   * @throws InvalidStateError when the state breaks its schema
   */
  dumpState(): JsonValue {
    this.#refusePending("dumped");
    return encodeState(this.definition, this.#state);
  }

  /**
   * Takes over a state that {@link dumpState} returned at `version`.
   * @throws PendingEventsError, InvalidStateError, ConfigurationError
   */
  loadState(stored: JsonValue, version: number, details: LoadedStateDetails = {}): void {
    this.#refusePending("loaded");
    if (!Number.isSafeInteger(version) || version < 0) {
      throw new ConfigurationError(`the version ${version} of a loaded state is not a whole number from 0`);
    }
    const schemaVersion = details.schemaVersion ?? stateVersionOf(this.definition).schemaVersion;
    const state = deepFreeze(decodeState(this.definition, stored, schemaVersion));
    this.#restore({ version, lastEventId: details.lastEventId, state });
  }

  #restore(baseline: Baseline<State>): void {
    this.#state = baseline.state;
    this.#stored = baseline.state;
    this.#version = baseline.version;
    this.#lastEventId = baseline.lastEventId;
  }

  #refusePending(verb: string): void {
    if (this.#pending.length === 0) return;
    throw new PendingEventsError(
      `aggregate ${JSON.stringify(this.streamId)} has ${this.#pending.length} pending events and cannot be ${verb}; ` +
        "save it first, or load a fresh one",
    );
  }

  #next(state: State, event: Event, recorded?: RecordedEvent): State {
    this.#isApplying = true;
    let next: State;
    try {
      next = this.apply(state, event);
    } finally {
      this.#isApplying = false;
    }
    if (next === undefined) {
      throw new MissingHandlerError(
        {
          eventType: event.type,
          streamId: this.streamId,
          ...(recorded === undefined ? {} : { version: recorded.version }),
        },
        "was applied but no state came back; handle its type and return the next state",
      );
    }
    return next;
  }

  /**
   * What the repository may do and users may not.
   * @internal
   */
  repositoryAccess(): AggregateEngine<State> {
    const pending = this.#pending;
    const stored = this.#stored;
    const stateAfter = (count: number): State =>
      pending.slice(0, count).reduce((state, { event }) => this.#next(state, event), stored);
    return {
      pendingCount: pending.length,
      baseline: { version: this.#version, lastEventId: this.#lastEventId, state: stored },
      newEvents: (newId, metadata) => pending.map((event) => event.toNewEvent(newId, metadata)),
      stateAfter,
      commit: (version, lastEventId) => {
        // A second save of the same events that ran at the same time has committed them already.
        if (this.#pending[0] !== pending[0]) return;
        // Events that were emitted while the save ran stay pending.
        this.#pending = this.#pending.slice(pending.length);
        this.#stored = this.#pending.length === 0 ? this.#state : deepFreeze(stateAfter(pending.length));
        this.#version = version;
        this.#lastEventId = lastEventId;
      },
      discard: () => {
        if (this.#pending[0] !== pending[0]) return;
        this.#pending = this.#pending.slice(pending.length);
        this.#state = deepFreeze(this.#pending.reduce((state, { event }) => this.#next(state, event), this.#stored));
      },
      restore: (baseline) => this.#restore(baseline),
    };
  }
}

/** What is known about a stored state besides its version. */
export interface LoadedStateDetails {
  /** Version of the state's schema that wrote it. @defaultValue the current one */
  readonly schemaVersion?: number;
  /** Id of the last event in it. */
  readonly lastEventId?: string;
}

/** The stored part of an aggregate: what a snapshot or a cache keeps. */
export interface Baseline<State> {
  readonly version: number;
  readonly lastEventId: string | undefined;
  readonly state: State;
}

/** The way of the repository into an aggregate, as it is at this moment: events that are emitted later are not in it. */
export interface AggregateEngine<State> {
  readonly pendingCount: number;
  readonly baseline: Baseline<State>;
  /** The pending events as the store takes them. */
  newEvents(newId: () => string, metadata: EventMetadata): readonly (NewEvent & { readonly id: string })[];
  /** The stored state with the first `count` pending events applied. */
  stateAfter(count: number): State;
  /** The pending events are stored. */
  commit(version: number, lastEventId: string): void;
  /** The pending events are part of the stored state already. */
  discard(): void;
  /** Takes over the stored part of another instance. */
  restore(baseline: Baseline<State>): void;
}

/** A copy, so that later changes by the caller have no effect. */
function detailsOf(event: DomainEvent & EventDetails, streamId: string): EventDetails {
  const facts = { eventType: event.type, streamId };
  const idProblem = event.id === undefined ? undefined : eventIdProblem(event.id);
  if (idProblem !== undefined) throw new InvalidEventError(facts, idProblem);
  for (const tag of event.tags ?? []) {
    const problem = textProblem(tag);
    if (problem !== undefined)
      throw new InvalidEventError(facts, `has the tag ${JSON.stringify(tag)}, which ${problem}`);
  }
  try {
    return {
      ...(event.id === undefined ? {} : { id: event.id }),
      ...(event.metadata === undefined ? {} : { metadata: toJsonObject(event.metadata, "metadata") }),
      ...(event.tags === undefined ? {} : { tags: [...event.tags] }),
    };
  } catch (error) {
    if (!(error instanceof NotJsonError)) throw error;
    throw new InvalidEventError(facts, `cannot be stored: ${error.message}`, { cause: error });
  }
}
