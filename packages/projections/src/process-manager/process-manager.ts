import {
  ConfigurationError,
  type DomainEvent,
  type EventFamily,
  type EventQuery,
  type EventSchemas,
  MissingHandlerError,
  type Recorded,
  type RecordedEvent,
} from "@es/core";
import { assertHandlers } from "../definition/assert-handlers.ts";
import { aFamily, anObject, aStart, assertIs, assertMembers, required } from "../definition/member-rules.ts";
import type { StartPosition } from "../definition/projection.ts";
import { filterOf } from "../definition/projection-filter.ts";
import { assertProjectionName } from "../definition/projection-name.ts";
import type { RecordedOf } from "../definition/projection-spec.ts";
import type { DueTimeout } from "./timeout.ts";
import type { UnitOfWork } from "./unit-of-work.ts";

/** What {@link defineProcessManager} takes. */
export interface ProcessManagerSpec<
  S extends EventSchemas,
  Type extends keyof S & string,
  Tx,
  T extends EventSchemas = Record<never, never>,
> {
  /** Names its checkpoint: at most 50 bytes, without `:`. Never change it. */
  readonly name: string;
  /** The family of events that it reacts to. */
  readonly events: EventFamily<S>;
  /** What an event leads to: commands to aggregates and time-outs, through the unit of work. */
  readonly handlers: {
    readonly [K in NoInfer<Type>]: (event: RecordedOf<S, K>, unit: UnitOfWork<Tx, NoInfer<T>>) => void | Promise<void>;
  };
  /**
   * Time-outs that it plans, declared as events are: with a schema, and versions when that changes.
   * @defaultValue none
   */
  readonly timeouts?: EventFamily<T>;
  /** What a time-out leads to. One handler for each of `timeouts`. */
  readonly onTimeout?: {
    readonly [K in keyof T & string]: (
      timeout: DueTimeout<T, K>,
      unit: UnitOfWork<Tx, NoInfer<T>>,
    ) => void | Promise<void>;
  };
  /**
   * Read streams of these categories only.
   * @defaultValue all categories
   */
  readonly categories?: readonly string[];
  /**
   * Read events of these types only.
   * @defaultValue all types
   */
  readonly types?: readonly Type[];
  /**
   * Where it starts when it has no checkpoint yet.
   * @defaultValue `"beginning"`
   */
  readonly from?: StartPosition;
}

/** A process manager, ready to be run. Made by {@link defineProcessManager}. */
export interface ProcessManager<Tx> {
  /** Its name, which its checkpoint is stored under. */
  readonly name: string;
  /** Which events it reads; `undefined` means all. */
  readonly filter: EventQuery | undefined;
  /** Where it starts when it has no checkpoint yet. */
  readonly from: StartPosition;
  /** The family of its time-outs, if it has any. */
  readonly timeouts: EventFamily<EventSchemas> | undefined;
  /** Reacts to an event. Called by its runner. */
  handle(event: RecordedEvent, unit: UnitOfWork<Tx, EventSchemas>): Promise<void>;
  /** Reacts to a time-out, in the form of an event. Called by its runner. */
  expire(timeout: RecordedEvent, key: string, unit: UnitOfWork<Tx, EventSchemas>): Promise<void>;
}

type Unit = UnitOfWork<unknown, EventSchemas>;

interface UntypedSpec {
  readonly name: string;
  readonly events: EventFamily<EventSchemas>;
  readonly handlers: { readonly [type: string]: (event: Recorded<DomainEvent>, unit: Unit) => void | Promise<void> };
  readonly timeouts?: EventFamily<EventSchemas>;
  readonly onTimeout?: {
    readonly [type: string]: (
      timeout: DomainEvent & { readonly key: string; readonly dueAt: Date },
      unit: Unit,
    ) => void | Promise<void>;
  };
  readonly categories?: readonly string[];
  readonly types?: readonly string[];
  readonly from?: StartPosition;
}

/**
 * Declares a process manager: events in, commands out. What an event leads to is stored in the transaction that also moves the
 * checkpoint, so every event is reacted to exactly once. What the process has to remember is an aggregate like any other. What
 * is to happen when nothing else does is a time-out.
 *
 * @throws ConfigurationError when the declaration contradicts itself
 */
export function defineProcessManager<
  S extends EventSchemas,
  const Type extends keyof S & string = keyof S & string,
  Tx = unknown,
  T extends EventSchemas = Record<never, never>,
>(spec: ProcessManagerSpec<S, Type, Tx, T>): ProcessManager<Tx>;
export function defineProcessManager(spec: UntypedSpec): ProcessManager<unknown> {
  assertIs("the declaration of a process manager", spec, anObject);
  const { name, events, handlers, timeouts, onTimeout = {}, from = "beginning" } = spec;
  assertProjectionName(name);
  const owner = `process manager ${JSON.stringify(name)}`;
  assertMembers(owner, spec, { events: required(aFamily), timeouts: aFamily, from: aStart });
  const filter = filterOf(spec);
  const { schemas } = events;
  assertHandlers({ owner, member: "handlers", schemas, types: spec.types ?? Object.keys(schemas) }, handlers);
  const unhandled = Object.keys(timeouts?.schemas ?? {}).find((type) => !Object.hasOwn(onTimeout, type));
  if (unhandled !== undefined) {
    throw new ConfigurationError(
      `${owner} has no handler in "onTimeout" for its time-out ${JSON.stringify(unhandled)}`,
    );
  }
  const due = timeouts?.schemas ?? {};
  assertHandlers({ owner, member: "onTimeout", repair: "add one", schemas: due, types: Object.keys(due) }, onTimeout);
  return {
    name,
    filter,
    from,
    timeouts,
    async handle(recorded, unit) {
      const event = events.decode(recorded);
      const handler = Object.hasOwn(handlers, event.type) ? handlers[event.type] : undefined;
      if (handler === undefined) throw missing(name, event);
      await handler(event, unit);
    },
    async expire(recorded, key, unit) {
      const timeout = timeouts?.decode(recorded) ?? recorded;
      const handler = Object.hasOwn(onTimeout, timeout.type) ? onTimeout[timeout.type] : undefined;
      if (handler === undefined) throw missing(name, timeout);
      const { type, data } = timeout;
      await handler({ type, data, key, dueAt: new Date(recorded.recordedAt) }, unit);
    },
  };
}

function missing(
  manager: string,
  { type, streamId, version }: { readonly type: string; readonly streamId: string; readonly version: number },
): MissingHandlerError {
  return new MissingHandlerError(
    { eventType: type, streamId, version },
    `has no handler in process manager ${JSON.stringify(manager)}; add one, or list the types it is to read in "types"`,
  );
}
