import type { EventCoder } from "../events/define-events.ts";
import type { DomainEvent } from "../events/event-types.ts";
import type { Schema } from "../events/schema.ts";
import type { VersionedSchema } from "../events/versioned.ts";

/** What the engine must know about a kind of aggregate, whatever style it is written in. */
export interface AggregateDefinition<State, Event extends DomainEvent> {
  /** The category of its streams, without `-`. Part of every stored stream id: never change it. */
  readonly name: string;
  /** The events of its streams. */
  readonly events: EventCoder<Event>;
  /** Shape of the state, for snapshots: checked and encoded when one is taken, decoded when one is restored. */
  readonly state: StateSchema<State>;
  /**
   * Raise it when `apply` or `evolve` changes its meaning, so that snapshots of the former meaning are ignored and rebuilt.
   * With a versioned state schema, snapshots of earlier schema versions are brought up to date instead.
   * @defaultValue 1
   */
  readonly stateVersion?: number;
  /** The state before the first event. */
  readonly initialState: () => State;
}

/** A schema of a state, with or without a history. */
export type StateSchema<State> = Schema<unknown, State> | VersionedSchema<Schema<unknown, State>>;

/** What is asked of an aggregate. */
export interface DomainCommand {
  /** What is asked, by name. */
  readonly type: string;
  /** Its facts. */
  readonly data: unknown;
  /** Becomes the causation id of the events of a decider. */
  readonly id?: string;
}
