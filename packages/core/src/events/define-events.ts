import { NotJsonError } from "../adapter/not-json.ts";
import { toJson } from "../adapter/to-json.ts";
import { ConfigurationError } from "../errors/configuration-error.ts";
import { InvalidEventError, UnknownEventTypeError, UpcastError } from "../errors/event-errors.ts";
import type { JsonValue } from "../store/json.ts";
import type { RecordedEvent } from "../store/recorded-event.ts";
import { textProblem } from "../store/text-limits.ts";
import type { DomainEvent, EventDataOf, EventSchemas, EventsOf, Recorded } from "./event-types.ts";
import { encodeWith, type Schema, SchemaMismatch } from "./schema.ts";
import { currentVersionOf, UpcastFailure, upcastAndDecode } from "./upcast.ts";
import { isVersioned, type VersionedSchema } from "./versioned.ts";

/** An event in its stored form. */
export interface EncodedEvent {
  /** The stored name of its type. */
  readonly type: string;
  /** Its data as JSON. */
  readonly data: JsonValue;
  /** Version of the schema that wrote `data`. */
  readonly schemaVersion: number;
}

/** Turns events of one family into their stored form and back. The engine needs no more than this. */
export interface EventCoder<Event extends DomainEvent> {
  /**
   * Checks an event against its schema.
   * @throws UnknownEventTypeError, InvalidEventError
   */
  encode(event: DomainEvent): EncodedEvent;
  /**
   * The domain form of an encoded event.
   * @throws InvalidEventError when the schema does not accept what it wrote itself
   */
  decodeOwn(encoded: EncodedEvent): Event;
  /**
   * The domain form of a recorded event, brought to the current schema version.
   * @throws UnknownEventTypeError, UpcastError, InvalidEventError naming stream and version
   */
  decode(recorded: RecordedEvent): Recorded<Event>;
}

/** A family of events: types, schemas, constructors. Made by {@link defineEvents}. */
export interface EventFamily<S extends EventSchemas> extends EventCoder<EventsOf<S>> {
  /** What {@link defineEvents} was given. */
  readonly schemas: S;
  /** The names of the current event types. */
  readonly types: readonly (keyof S & string)[];
  /**
   * An event whose data was checked and copied.
   * @throws InvalidEventError
   */
  create<Type extends keyof S & string>(
    type: Type,
    data: EventDataOf<S, Type>,
  ): { readonly type: Type; readonly data: EventDataOf<S, Type> };
  /** Whether the event is of this family, by its current or a former name. */
  includes(event: { readonly type: string }): boolean;
}

/**
 * Declares a family of events once; types, validation and names all follow from it. The keys are the stored names, so
 * renaming a class or minifying the code changes nothing.
 *
 * @example
 * ```ts
 * const accountEvents = defineEvents({
 *   Opened: z.object({ owner: z.string() }),
 *   Deposited: z.object({ amount: z.number().positive() }),
 * });
 * type AccountEvent = EventOf<typeof accountEvents>;
 * ```
 * @throws ConfigurationError when a name is used twice or cannot be stored
 */
export function defineEvents<const S extends EventSchemas>(schemas: S): EventFamily<S> {
  const byName = indexByName(schemas);

  function schemaOf(event: { readonly type: string }): NamedSchema {
    const found = byName.get(event.type);
    if (found === undefined) throw unknownType(event);
    return found;
  }

  function encode(event: DomainEvent): EncodedEvent {
    const { type, schema } = schemaOf(event);
    return explain({ eventType: type }, () => ({
      type,
      data: toJson(encodeWith(isVersioned(schema) ? schema.current : schema, event.data), "data"),
      schemaVersion: currentVersionOf(schema),
    }));
  }

  function decodeOwn(encoded: EncodedEvent): EventsOf<S> {
    const { type, schema } = schemaOf(encoded);
    const data = explain({ eventType: type }, () => upcastAndDecode(schema, encoded.data, encoded.schemaVersion));
    return own({ type, data });
  }

  function decode(recorded: RecordedEvent): Recorded<EventsOf<S>> {
    const { type, schema } = schemaOf(recorded);
    const facts = { eventType: recorded.type, streamId: recorded.streamId, version: recorded.version };
    const data = explain(facts, () => upcastAndDecode(schema, recorded.data, recorded.metadata.schemaVersion ?? 1));
    return own({ ...recorded, type, data });
  }

  /** The data has been through the schema of its type when this is asked. */
  function isOwn<E extends DomainEvent>(event: E): event is E & Recorded<EventsOf<S>> & EventsOf<S> {
    return Object.hasOwn(schemas, event.type);
  }

  function own<E extends DomainEvent>(event: E): E & Recorded<EventsOf<S>> & EventsOf<S> {
    if (!isOwn(event)) throw unknownType(event);
    return event;
  }

  function isOfType<Type extends keyof S & string>(
    event: DomainEvent,
    type: Type,
  ): event is { readonly type: Type; readonly data: EventDataOf<S, Type> } {
    return event.type === type;
  }

  return {
    schemas,
    types: namesOf(schemas),
    create(type, data) {
      const event: DomainEvent = decodeOwn(encode({ type, data }));
      if (!isOfType(event, type)) throw unknownType(event);
      return event;
    },
    includes: (event) => byName.has(event.type),
    encode,
    decodeOwn,
    decode,
  };
}

interface NamedSchema {
  readonly type: string;
  readonly schema: Schema | VersionedSchema;
}

function indexByName(schemas: EventSchemas): ReadonlyMap<string, NamedSchema> {
  const byName = new Map<string, NamedSchema>();
  for (const [type, schema] of Object.entries(schemas)) {
    for (const name of [type, ...(isVersioned(schema) ? schema.formerNames : [])]) {
      const problem = textProblem(name);
      if (problem !== undefined) throw new ConfigurationError(`event type ${JSON.stringify(name)} ${problem}`);
      const other = byName.get(name);
      if (other !== undefined) {
        throw new ConfigurationError(
          `the name ${JSON.stringify(name)} stands for both ${other.type} and ${type}; a stored event could be either`,
        );
      }
      byName.set(name, { type, schema });
    }
  }
  return byName;
}

function namesOf<S extends EventSchemas>(schemas: S): (keyof S & string)[] {
  const names: (keyof S & string)[] = [];
  for (const name in schemas) names.push(name);
  return names;
}

function unknownType(event: {
  readonly type: string;
  readonly streamId?: unknown;
  readonly version?: unknown;
}): UnknownEventTypeError {
  return new UnknownEventTypeError(
    {
      eventType: event.type,
      ...(typeof event.streamId === "string" ? { streamId: event.streamId } : {}),
      ...(typeof event.version === "number" ? { version: event.version } : {}),
    },
    "is not in this family of events; declare it in defineEvents, or list its old name with versioned(...).formerly(...)",
  );
}

function explain<T>(
  facts: { readonly eventType: string; readonly streamId?: string; readonly version?: number },
  work: () => T,
): T {
  try {
    return work();
  } catch (error) {
    if (error instanceof SchemaMismatch)
      throw new InvalidEventError(facts, `breaks its schema: ${error.message}`, { cause: error });
    if (error instanceof NotJsonError)
      throw new InvalidEventError(facts, `cannot be stored: ${error.message}`, { cause: error });
    if (error instanceof UpcastFailure) throw new UpcastError(facts, error.message, { cause: error });
    throw error;
  }
}
