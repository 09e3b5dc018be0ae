import type { Aggregate } from "../aggregate/aggregate.ts";
import type { DomainCommand } from "../aggregate/aggregate-definition.ts";
import type { DomainEvent } from "../events/event-types.ts";
import type { AppendCondition } from "../store/event-query.ts";
import type { Position } from "../store/position.ts";
import type { EventMetadata } from "../store/recorded-event.ts";
import type { PreparedSave } from "./prepared-save.ts";

/** Any kind of aggregate. */
export type AnyAggregate = Aggregate<unknown, DomainEvent>;

/** The commands of an aggregate. */
export type CommandOf<A> = A extends { execute(command: infer Command): void } ? Command : never;

/** Options of calls that only read. */
export interface LoadOptions {
  /** Aborts the call. */
  readonly signal?: AbortSignal;
}

/** Which past of an aggregate is meant. */
export type PointInHistory =
  /** The state after this many events. */
  | { readonly version: number }
  /** The state of that moment: all events before the first one that was recorded later. */
  | { readonly time: Date };

/** Options of a save. */
export interface SaveOptions<Tx = never> {
  /**
   * Metadata of every event of the save. Without a `correlationId` a new one is drawn. {@link causedBy} makes it from the
   * event that is being handled.
   */
  readonly metadata?: EventMetadata;
  /** The caller's own transaction; snapshots become part of it. After a rollback, load the aggregate again. */
  readonly tx?: Tx;
  /** Refuse the save when matching events were stored after a position. */
  readonly if?: AppendCondition;
  /** Aborts the call. */
  readonly signal?: AbortSignal;
}

/** What a save did. */
export interface Saved {
  /** Version of the aggregate now. */
  readonly version: number;
  /** How many events were saved. 0: there was nothing to save and the store was not called. */
  readonly events: number;
  /** Position of the last event, to wait for in a projection; `START` when there was nothing to save. */
  readonly position: Position;
  /** Whether the very same save had been stored before. */
  readonly duplicate: boolean;
}

/**
 * Options of {@link Repository.update} and {@link Repository.execute}. A failed condition (`if`) is not tried again: its position
 * is the caller's, so the caller reads and decides again.
 */
export interface UpdateOptions extends Omit<SaveOptions, "tx"> {
  /**
   * How often to load and decide again after a conflict, or to repeat a save that the store could not settle.
   * @defaultValue that of the repository, 10
   */
  readonly retries?: number;
}

/** Loads and saves aggregates of one kind. */
export interface Repository<A extends AnyAggregate, Tx = never> {
  /** A new aggregate. Nothing is stored until it is saved; that save fails when the id is taken meanwhile. */
  create(id: string): A;

  /**
   * The aggregate as it is now.
   * @throws AggregateNotFoundError when it has no events
   * @throws StreamIntegrityError, UnknownEventTypeError, InvalidEventError, UpcastError when its events cannot be read
   */
  load(id: string, options?: LoadOptions): Promise<A>;

  /** As {@link load}, but `undefined` when it has no events. */
  find(id: string, options?: LoadOptions): Promise<A | undefined>;

  /** As {@link load}, but a new aggregate when it has no events. */
  loadOrCreate(id: string, options?: LoadOptions): Promise<A>;

  /**
   * The aggregate as it was.
   * @throws AggregateNotFoundError when it did not exist then, or has fewer events than the version asked for
   */
  loadAt(id: string, point: PointInHistory, options?: LoadOptions): Promise<A>;

  /** Whether it has events. Does not replay them. */
  exists(id: string, options?: LoadOptions): Promise<boolean>;

  /** How many events it has; 0 when it does not exist. Does not replay them. */
  version(id: string, options?: LoadOptions): Promise<number>;

  /**
   * Stores the pending events. With none, nothing is called. When it fails, the aggregate keeps its pending events and
   * their ids, so that the same save can be repeated after an `UnknownOutcomeError` or `StoreUnavailableError`.
   *
   * @throws ConcurrencyError when the aggregate was changed since it was loaded: load it again and decide again
   */
  save(aggregate: A, options?: SaveOptions<Tx>): Promise<Saved>;

  /** A save that {@link saveTogether} stores with others, all or nothing. */
  prepareSave(aggregate: A): PreparedSave<Tx>;

  /**
   * Loads, lets `work` change the aggregate, and saves; after a conflict once more, with jitter between the attempts.
   * `work` may therefore run several times and should have no effects of its own.
   *
   * @throws AggregateNotFoundError when it has no events
   * @throws ConcurrencyError when every attempt met a conflict
   */
  update(
    id: string,
    work: (aggregate: A) => void | Promise<void>,
    options?: UpdateOptions,
  ): Promise<Saved & { readonly aggregate: A }>;

  /** As {@link update} with one command, on a new aggregate when there is none. */
  execute(id: string, command: CommandOf<A>, options?: UpdateOptions): Promise<Saved & { readonly aggregate: A }>;

  /**
   * Takes a snapshot now, whatever the policy.
   * @returns whether it was written; not when there is nothing to keep or a newer one is stored
   * @throws PendingEventsError when the aggregate has pending events
   * @throws InvalidStateError when its state breaks its schema
   * @throws ConfigurationError when the repository has no `snapshots` option and would never read it
   */
  snapshot(aggregate: A): Promise<boolean>;

  /** Deletes the snapshots of an aggregate; resolves to their number. */
  deleteSnapshots(id: string): Promise<number>;

  /** Deletes all snapshots of this kind of aggregate that this code can no longer use; resolves to their number. */
  purgeSnapshots(): Promise<number>;

  /** Waits for snapshots that are being written in the background; resolves to their number. */
  idle(): Promise<number>;
}

/** Metadata for what follows from an event: the same correlation, caused by it. */
export function causedBy(event: { readonly id: string; readonly metadata: EventMetadata }): EventMetadata {
  return { correlationId: event.metadata.correlationId ?? event.id, causationId: event.id };
}

/**
 * Makes an aggregate of an id: a class that extends {@link Aggregate}, or what {@link defineAggregate} returns. The repository
 * makes instances whenever it needs one, so the constructor must have no effects.
 */
export type AggregateClass<A extends AnyAggregate> = new (id: string) => A;

/** A command, as the engine sees it. */
export type AnyCommand = DomainCommand;
