import {
  ConfigurationError,
  type DomainEvent,
  type EventFamily,
  type EventSchemas,
  MissingHandlerError,
  type Recorded,
  type RecordedEvent,
  UnknownEventTypeError,
} from "@es/core";
import { throwIfAborted } from "@es/core/adapter";
import { assertHandlers, handlerIn } from "./assert-handlers.ts";
import { type AtLeastOnce, atLeastOnce, type ContextOf, type Delivery, type HandlerContext } from "./delivery.ts";
import {
  aFamily,
  aFunction,
  anObject,
  aStart,
  assertIs,
  assertMembers,
  oneOf,
  type Rule,
  required,
} from "./member-rules.ts";
import type { Progress, Projection, StartPosition } from "./projection.ts";
import { filterOf } from "./projection-filter.ts";
import { assertProjectionName } from "./projection-name.ts";
import type { ProjectionSpec } from "./projection-spec.ts";

type AnyEvent = Recorded<DomainEvent>;

interface UntypedFold {
  readonly key: (event: AnyEvent) => string | undefined;
  readonly load: (
    keys: readonly string[],
    context: HandlerContext,
  ) => ReadonlyMap<string, unknown> | Promise<ReadonlyMap<string, unknown>>;
  readonly evolve: { readonly [type: string]: (row: unknown, event: AnyEvent) => unknown };
  readonly save: (rows: ReadonlyMap<string, unknown>, context: HandlerContext) => void | Promise<void>;
}

/** {@link ProjectionSpec} as the engine sees it: the types were checked where the projection was declared. */
interface UntypedSpec {
  readonly name: string;
  readonly events: EventFamily<EventSchemas>;
  readonly delivery?: Delivery;
  readonly categories?: readonly string[];
  readonly types?: readonly string[];
  readonly from?: StartPosition;
  readonly unknownEvents?: "fail" | "ignore";
  readonly handlers?: { readonly [type: string]: (event: AnyEvent, context: HandlerContext) => void | Promise<void> };
  readonly batch?: (events: readonly AnyEvent[], context: HandlerContext) => void | Promise<void>;
  readonly fold?: UntypedFold;
}

const DELIVERY: Rule = {
  is: (value) => typeof value === "object" && value !== null && "guarantee" in value,
  what: "exactlyOnce<Tx>() or atLeastOnce",
};
const FACTS = {
  events: required(aFamily),
  delivery: DELIVERY,
  from: aStart,
  unknownEvents: oneOf("fail", "ignore"),
  batch: aFunction,
  fold: anObject,
};
const FOLD = { key: required(aFunction), load: required(aFunction), save: required(aFunction) };

/** Handles decoded events; `undefined` stands for one that is ignored. */
type Apply = (
  events: readonly RecordedEvent[],
  decode: (event: RecordedEvent) => AnyEvent | undefined,
  context: HandlerContext,
  progress: Progress,
) => Promise<void>;

/**
 * Declares a projection: which events it reads and what it does with them, typed by the family of events. It does nothing
 * until a runner runs it. Exactly one of `handlers`, `batch` and `fold` says how events are handled.
 *
 * @example
 * ```ts
 * import { defineEvents } from "@es/core";
 * import { defineProjection } from "@es/projections";
 * import * as z from "zod";
 *
 * const totals = new Map<string, number>();
 * const balances = defineProjection({
 *   name: "balances",
 *   events: defineEvents({ Deposited: z.object({ amount: z.number() }) }),
 *   handlers: {
 *     Deposited: ({ streamId, data }) => void totals.set(streamId, (totals.get(streamId) ?? 0) + data.amount),
 *   },
 * });
 * ```
 * @throws ConfigurationError when the declaration contradicts itself
 */
export function defineProjection<
  S extends EventSchemas,
  const Type extends keyof S & string = keyof S & string,
  D extends Delivery = AtLeastOnce,
  Row = unknown,
>(spec: ProjectionSpec<S, Type, D, Row>): Projection<D>;
export function defineProjection(spec: UntypedSpec): Projection<Delivery> {
  assertIs("the declaration of a projection", spec, anObject);
  const { name, events, delivery = atLeastOnce, from = "beginning", unknownEvents = "fail" } = spec;
  assertProjectionName(name);
  assertMembers(`projection ${JSON.stringify(name)}`, spec, FACTS);
  const filter = filterOf(spec);
  const handle = handlingOf(spec);

  const decode = (recorded: RecordedEvent): AnyEvent | undefined => {
    if (events.includes(recorded)) return events.decode(recorded);
    if (unknownEvents === "ignore") return undefined;
    const { type: eventType, streamId, version } = recorded;
    throw new UnknownEventTypeError(
      { eventType, streamId, version },
      'is not in the family of this projection; declare it in defineEvents (an old name with versioned(...).formerly(...)), or leave it out with categories, types or unknownEvents: "ignore"',
    );
  };

  return {
    name,
    delivery,
    filter,
    from,
    isSingle: spec.handlers !== undefined,
    apply: (recorded, context: ContextOf<Delivery>, progress) => handle(recorded, decode, context, progress),
  };
}

function handlingOf(spec: UntypedSpec): Apply {
  const { name, events, types = Object.keys(events.schemas), handlers, batch, fold } = spec;
  const ways = [handlers, batch, fold].filter((way) => way !== undefined);
  if (ways.length !== 1) {
    throw new ConfigurationError(
      `projection ${JSON.stringify(name)} has ${ways.length} of "handlers", "batch" and "fold"; give it one of them`,
    );
  }
  const handled = { owner: `projection ${JSON.stringify(name)}`, schemas: events.schemas, types };
  if (handlers !== undefined) {
    assertHandlers({ ...handled, member: "handlers" }, handlers);
    return oneByOne(name, handlers);
  }
  if (fold !== undefined) {
    assertMembers(`the fold of ${handled.owner}`, fold, FOLD);
    assertHandlers({ ...handled, member: "fold.evolve" }, fold.evolve);
    return folding(name, fold);
  }
  return async (recorded, decode, context, progress) => {
    const decoded = recorded.map(decode).filter((event) => event !== undefined);
    if (decoded.length > 0) await batch?.(decoded, context);
    progress.handled = recorded.length;
  };
}

function oneByOne(name: string, handlers: NonNullable<UntypedSpec["handlers"]>): Apply {
  return async (events, decode, context, progress) => {
    for (const recorded of events) {
      // What comes now is no longer for this runner.
      throwIfAborted(context.signal);
      const event = decode(recorded);
      if (event !== undefined) {
        const handled = handlerOf(handlers, event, name).call(handlers, event, context);
        // Most handlers of a fast projection return nothing, and waiting for nothing costs more than they do.
        if (handled !== undefined) await handled;
      }
      progress.handled += 1;
    }
  };
}

function folding(name: string, fold: UntypedFold): Apply {
  return async (events, decode, context, progress) => {
    const changes: { readonly key: string; readonly event: AnyEvent }[] = [];
    for (const recorded of events) {
      const event = decode(recorded);
      const key = event === undefined ? undefined : fold.key(event);
      if (event !== undefined && key !== undefined) changes.push({ key, event });
    }
    if (changes.length > 0) {
      const keys = [...new Set(changes.map(({ key }) => key))];
      const stored = await fold.load(keys, context);
      const rows = new Map<string, unknown>(keys.map((key) => [key, stored.get(key)]));
      for (const { key, event } of changes) {
        rows.set(key, handlerOf(fold.evolve, event, name).call(fold.evolve, rows.get(key), event));
      }
      for (const key of keys) {
        if (rows.get(key) === undefined && !stored.has(key)) rows.delete(key);
      }
      await fold.save(rows, context);
    }
    progress.handled = events.length;
  };
}

function handlerOf<Handler>(
  handlers: { readonly [type: string]: Handler },
  { type, streamId, version }: AnyEvent,
  projection: string,
): Handler {
  const handler = handlerIn(handlers, type) === undefined ? undefined : handlers[type];
  if (handler === undefined) {
    throw new MissingHandlerError(
      { eventType: type, streamId, version },
      `has no handler in projection ${JSON.stringify(projection)}; add one, or list the types it is to read in "types"`,
    );
  }
  return handler;
}
