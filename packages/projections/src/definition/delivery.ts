/** A handler may be given an event again after a crash or a retry, so its effects must bear that. */
export interface AtLeastOnce {
  /** Tells the two kinds of projection apart. */
  readonly guarantee: "at-least-once";
}

/** Effects are written in the transaction that also moves the checkpoint, so each event takes effect exactly once. */
export interface ExactlyOnce<Tx> {
  /** Tells the two kinds of projection apart. */
  readonly guarantee: "exactly-once";
  /** The kind of transaction that handlers need. It is there for the compiler only. */
  readonly transaction?: Tx;
}

/** How often an event can take effect. */
export type Delivery = AtLeastOnce | ExactlyOnce<unknown>;

/** Delivery without a transaction: the default. */
export const atLeastOnce: AtLeastOnce = { guarantee: "at-least-once" };

/**
 * Delivery in transactions of this kind. The runner then needs a sink that has them.
 *
 * @example
 * ```ts
 * import type { SqliteDatabase } from "@es/store-sqlite";
 * import { exactlyOnce } from "@es/projections";
 *
 * const delivery = exactlyOnce<SqliteDatabase>();
 * ```
 */
export function exactlyOnce<Tx>(): ExactlyOnce<Tx> {
  return { guarantee: "exactly-once" };
}

/** What a handler is told besides the event. */
export interface HandlerContext {
  /** The name of the projection. */
  readonly projection: string;
  /** Aborts when the runner is stopped and its time to drain is over. */
  readonly signal: AbortSignal;
  /** 1 for the first attempt at these events. */
  readonly attempt: number;
  /** Whether the runner has not reached the head yet. Leave out side effects that are only right for what happens now. */
  readonly isCatchingUp: boolean;
  /**
   * Whether these events were handled before: by the version that a rebuild replaces, or before a reset. Leave out side effects
   * outside of the read model, because they have happened.
   */
  readonly isReplay: boolean;
}

/** What a handler is told that writes in a transaction. */
export interface TransactionContext<Tx> extends HandlerContext {
  /** The transaction. What is written through it is committed together with the checkpoint, or not at all. */
  readonly tx: Tx;
}

/** The context that handlers of a delivery get. */
export type ContextOf<D extends Delivery> = D extends ExactlyOnce<infer Tx> ? TransactionContext<Tx> : HandlerContext;
