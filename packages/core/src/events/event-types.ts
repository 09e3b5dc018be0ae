import type { EventMetadata, RecordedEvent } from "../store/recorded-event.ts";
import type { OutputOf, Schema } from "./schema.ts";
import type { VersionedSchema } from "./versioned.ts";

/** What happened: a name and its facts. */
export interface DomainEvent {
  /** Its stored name. */
  readonly type: string;
  /** Its facts, in the domain form. */
  readonly data: unknown;
}

/** Event types and their schemas, each with or without a history. */
export type EventSchemas = { readonly [type: string]: Schema | VersionedSchema };

/** The current schema of a schema with or without a history. */
export type CurrentSchemaOf<S> = S extends VersionedSchema<infer Current> ? Current : S extends Schema ? S : never;

/** The data of one event type. */
export type EventDataOf<S extends EventSchemas, Type extends keyof S> = OutputOf<CurrentSchemaOf<S[Type]>>;

/** The union of events that a map of schemas describes, discriminated on `type`. */
export type EventsOf<S extends EventSchemas> = {
  [Type in keyof S & string]: { readonly type: Type; readonly data: EventDataOf<S, Type> };
}[keyof S & string];

/** The union of events of a family: `EventOf<typeof accountEvents>`. */
export type EventOf<Family extends { readonly schemas: EventSchemas }> = EventsOf<Family["schemas"]>;

/** What may be said about an event besides its type and data. */
export interface EventDetails {
  /** A UUID. @defaultValue drawn when the event is saved, and kept when the save is repeated */
  readonly id?: string;
  /** Added to the metadata of the save. */
  readonly metadata?: EventMetadata;
  /** Labels for conditions and filters that span streams. */
  readonly tags?: readonly string[];
}

/** An event as it was recorded, its data in the domain form of the current schema version. */
export type Recorded<Event extends DomainEvent> = Event extends DomainEvent
  ? Omit<RecordedEvent, "type" | "data"> & Event
  : never;
