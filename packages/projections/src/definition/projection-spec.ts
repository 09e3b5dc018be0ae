import type { EventFamily, EventSchemas, EventsOf, OfType, Recorded } from "@es/core";
import type { AtLeastOnce, ContextOf, Delivery } from "./delivery.ts";
import type { StartPosition } from "./projection.ts";

/** An event of a family as it was recorded, of one type or of several. */
export type RecordedOf<S extends EventSchemas, Type extends keyof S & string = keyof S & string> = Recorded<
  OfType<EventsOf<S>, Type>
>;

/**
 * One handler for each event type. They run one after the other, in the order of the events. A class may implement it: its
 * methods are called on the object that is given as `handlers`.
 */
export type EventHandlers<
  S extends EventSchemas,
  Type extends keyof S & string = keyof S & string,
  D extends Delivery = AtLeastOnce,
> = {
  readonly [T in Type]: (event: RecordedOf<S, T>, context: ContextOf<D>) => void | Promise<void>;
};

/** One handler for all events of a page at once. */
export type BatchHandler<S extends EventSchemas, Type extends keyof S & string, D extends Delivery> = (
  events: readonly RecordedOf<S, Type>[],
  context: ContextOf<D>,
) => void | Promise<void>;

/** A fold: the rows that a page touches are loaded once, changed in memory by each event, and written once. */
export interface Fold<S extends EventSchemas, Type extends keyof S & string, D extends Delivery, Row> {
  /** The key of the row that an event changes; `undefined` when it changes none. */
  readonly key: (event: RecordedOf<S, Type>) => string | undefined;
  /** The rows that exist for these keys. */
  readonly load: (
    keys: readonly string[],
    context: ContextOf<D>,
  ) => ReadonlyMap<string, Row> | Promise<ReadonlyMap<string, Row>>;
  /** How a row follows from the row before and an event; from `undefined` when there is none, to `undefined` to remove it. */
  readonly evolve: {
    readonly [T in Type]: (row: Row | undefined, event: RecordedOf<S, T>) => Row | undefined;
  };
  /** Writes what the page changed: `undefined` for a row that is to be removed. */
  readonly save: (rows: ReadonlyMap<string, Row | undefined>, context: ContextOf<D>) => void | Promise<void>;
}

/** What every kind of projection is declared with. */
export interface ProjectionFacts<S extends EventSchemas, Type extends keyof S & string, D extends Delivery> {
  /** Names its checkpoint: at most 50 bytes, without `:`. Never change it. */
  readonly name: string;
  /** The family of events that it understands. */
  readonly events: EventFamily<S>;
  /**
   * How often an event can take effect.
   * @defaultValue `atLeastOnce`
   */
  readonly delivery?: D;
  /**
   * Read streams of these categories only.
   * @defaultValue all categories
   */
  readonly categories?: readonly string[];
  /**
   * Read events of these types only. The runner then cannot tell a hole in a stream from an event that was not asked for.
   * @defaultValue all types
   */
  readonly types?: readonly Type[];
  /**
   * Where it starts when it has no checkpoint yet.
   * @defaultValue `"beginning"`
   */
  readonly from?: StartPosition;
  /**
   * What to do about an event that is read and not of the family. `"fail"` stops in front of it.
   * @defaultValue `"fail"`
   */
  readonly unknownEvents?: "fail" | "ignore";
}

/** What {@link defineProjection} takes: the facts, and one way of handling events. */
export type ProjectionSpec<
  S extends EventSchemas,
  Type extends keyof S & string,
  D extends Delivery,
  Row,
> = ProjectionFacts<S, Type, D> &
  (
    | { readonly handlers: EventHandlers<S, NoInfer<Type>, D> }
    | { readonly batch: BatchHandler<S, NoInfer<Type>, D> }
    | { readonly fold: Fold<S, NoInfer<Type>, D, Row> }
  );
