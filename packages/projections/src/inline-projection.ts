import {
  ConfigurationError,
  categoryOf,
  type DomainEvent,
  type EventFamily,
  type EventSchemas,
  MissingHandlerError,
  type NewEvent,
  type Recorded,
  type RecordedEvent,
  START,
  type TransactionalEventStore,
  type Write,
} from "@es/core";
import { toJson } from "@es/core/adapter";
import { assertHandlers } from "./definition/assert-handlers.ts";
import { aFamily, anObject, aSink, assertIs, assertMembers, required, texts } from "./definition/member-rules.ts";
import { assertProjectionName } from "./definition/projection-name.ts";
import type { RecordedOf } from "./definition/projection-spec.ts";

/** An event at the moment of its append: its place in the order over all streams is not known yet. */
export type InlineEventOf<S extends EventSchemas, Type extends keyof S & string = keyof S & string> = Omit<
  RecordedOf<S, Type>,
  "position" | "recordedAt"
>;

/** What {@link defineInlineProjection} takes. */
export interface InlineProjectionSpec<S extends EventSchemas, Tx> {
  /** Names it in errors. */
  readonly name: string;
  /** The family of events that it understands. Appends of other events pass it by. */
  readonly events: EventFamily<S>;
  /**
   * Only streams of these categories.
   * @defaultValue all categories
   */
  readonly categories?: readonly string[];
  /** One handler for each event type. Writes through `tx`, which is the transaction of the append. */
  readonly handlers: { readonly [T in keyof S & string]: (event: InlineEventOf<S, T>, tx: Tx) => void | Promise<void> };
}

/** A read model that is written in the transaction of the append. Made by {@link defineInlineProjection}. */
export interface InlineProjection<Tx> {
  /** Its name. */
  readonly name: string;
  /** Handles events that were appended in `tx`. Called by the store that {@link withInlineProjections} makes. */
  apply(events: readonly RecordedEvent[], tx: Tx): Promise<void>;
}

interface UntypedSpec {
  readonly name: string;
  readonly events: EventFamily<EventSchemas>;
  readonly categories?: readonly string[];
  readonly handlers: { readonly [type: string]: (event: Recorded<DomainEvent>, tx: unknown) => void | Promise<void> };
}

/**
 * Declares a read model that is never behind: it is written in the transaction of the append, and when it fails, so does the
 * append. It costs every writer its time, and sees only what goes through {@link withInlineProjections}.
 *
 * @throws ConfigurationError when the name cannot be used
 */
export function defineInlineProjection<S extends EventSchemas, Tx>(
  spec: InlineProjectionSpec<S, Tx>,
): InlineProjection<Tx>;
export function defineInlineProjection(spec: UntypedSpec): InlineProjection<unknown> {
  assertIs("the declaration of an inline projection", spec, anObject);
  const { name, events: family, categories, handlers } = spec;
  assertProjectionName(name);
  const owner = `inline projection ${JSON.stringify(name)}`;
  assertMembers(owner, spec, { events: required(aFamily), categories: texts });
  const { schemas } = family;
  assertHandlers({ owner, member: "handlers", repair: "add one", schemas, types: Object.keys(schemas) }, handlers);
  return {
    name,
    async apply(events, tx) {
      for (const recorded of events) {
        if (!family.includes(recorded) || categories?.includes(categoryOf(recorded.streamId)) === false) continue;
        const event = family.decode(recorded);
        const handler = Object.hasOwn(handlers, event.type) ? handlers[event.type] : undefined;
        if (handler === undefined) {
          throw new MissingHandlerError(
            { eventType: event.type, streamId: event.streamId, version: event.version },
            `has no handler in inline projection ${JSON.stringify(name)}`,
          );
        }
        await handler(event, tx);
      }
    },
  };
}

/**
 * A store whose appends also write these read models, in one transaction: a reader sees both or neither. Pass it wherever the
 * store went, to repositories too.
 *
 * @throws ConfigurationError when two projections have one name
 */
export function withInlineProjections<Tx>(
  store: TransactionalEventStore<Tx>,
  projections: readonly InlineProjection<Tx>[],
): TransactionalEventStore<Tx> {
  assertIs("the store of inline projections", store, aSink);
  if (!Array.isArray(projections)) {
    throw new ConfigurationError("give withInlineProjections() a list of what defineInlineProjection() returns");
  }
  const names = new Set(projections.map(({ name }) => name));
  if (names.size < projections.length) throw new ConfigurationError("two inline projections have the same name");

  return {
    capabilities: store.capabilities,
    registers: store.registers,
    transaction: (work, options) => store.transaction(work, options),
    readStream: (streamId, options) => store.readStream(streamId, options),
    readAll: (options) => store.readAll(options),
    head: (options) => store.head(options),
    identity: (options) => store.identity(options),
    [Symbol.asyncDispose]: () => store[Symbol.asyncDispose](),

    async append(writes, options = {}) {
      const copies = copyOf(writes);
      const append = async (tx: Tx): ReturnType<typeof store.append> => {
        const result = await store.append(copies, { ...options, tx });
        if (!result.duplicate) {
          const events = copies.flatMap((write, index) => recordedOf(write, result.versions[index] ?? 0));
          for (const projection of projections) await projection.apply(events, tx);
        }
        return result;
      };
      if (options.tx !== undefined) return append(options.tx);
      return store.transaction(append, options.signal === undefined ? {} : { signal: options.signal });
    },
  };
}

/** The writes as they are now, each event with an id; what is wrong with them is for the store to say. */
function copyOf(writes: Write | readonly Write[]): readonly Write[] {
  const list = isList(writes) ? writes : [writes];
  return list.map((write) => ({
    ...write,
    events: write.events.map((event) => copyOfEvent({ ...event, id: event.id ?? globalThis.crypto.randomUUID() })),
  }));
}

function copyOfEvent(event: NewEvent): NewEvent {
  try {
    const data = toJson(event.data, "data");
    if (event.metadata === undefined) return { ...event, data };
    toJson(event.metadata, "metadata");
    return { ...event, data, metadata: structuredClone(event.metadata) };
  } catch {
    return event;
  }
}

function recordedOf({ streamId, events }: Write, version: number): readonly RecordedEvent[] {
  return events.map((event, index) => ({
    id: event.id ?? "",
    streamId,
    version: version - events.length + index + 1,
    position: START,
    type: event.type,
    data: toJson(event.data, "data"),
    metadata: event.metadata ?? {},
    tags: event.tags ?? [],
    recordedAt: 0,
  }));
}

function isList(writes: Write | readonly Write[]): writes is readonly Write[] {
  return Array.isArray(writes);
}
