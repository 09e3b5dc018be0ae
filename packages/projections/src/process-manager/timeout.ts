import type { EventSchemas, EventsOf, JsonValue, OfType, Position } from "@es/core";

/** When a time-out is due, and what it is called. */
export type TimeoutPlan = {
  /** Names it within the process manager: another one with this key replaces it, and `cancel` takes it away. */
  readonly key: string;
} & (
  | {
      /** So long after the event was recorded that is being handled; behind a time-out, after that was due. */
      readonly afterMs: number;
    }
  | {
      /** At this time. */
      readonly at: Date;
    }
);

/** A time-out that is due. */
export type DueTimeout<T extends EventSchemas, Type extends keyof T & string = keyof T & string> = OfType<
  EventsOf<T>,
  Type
> & {
  /** Its name within the process manager. */
  readonly key: string;
  /** When it was due. It may be handled later, for example when no process ran. */
  readonly dueAt: Date;
};

/** Why a time-out is held back. */
export interface TimeoutFailure {
  /** How often it was tried. */
  readonly attempts: number;
  /** What the handler threw last. */
  readonly error: string;
  /** When it was parked, in milliseconds since 1970 UTC. */
  readonly parkedAt: number;
}

/** A time-out that is waiting. */
export interface PendingTimeout {
  /** Its name within the process manager. */
  readonly key: string;
  /** Names this very time-out; what it leads to has it as its cause. */
  readonly id: string;
  /** What is to be done, by its stored name. */
  readonly type: string;
  /** Its facts, as they are stored. */
  readonly data: JsonValue;
  /** Version of the schema that wrote the data. */
  readonly schemaVersion: number;
  /** When it is due, in milliseconds since 1970 UTC. */
  readonly dueAt: number;
  /** Shared by everything that happened because of one request. */
  readonly correlationId: string;
  /** Where the event is that it comes from. What it leads to is stored behind that. */
  readonly after: Position;
  /** There when its handler failed too often: it waits until it is replayed, discarded, cancelled or replaced. */
  readonly parked?: TimeoutFailure;
}
