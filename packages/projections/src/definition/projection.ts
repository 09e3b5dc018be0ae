import type { EventQuery, Position, RecordedEvent } from "@es/core";
import type { AtLeastOnce, ContextOf, Delivery } from "./delivery.ts";

/** Where a projection starts that has no checkpoint yet. */
export type StartPosition =
  /** With the first event of the store. */
  | "beginning"
  /** With the first event that is stored after the first start. */
  | "now"
  /** Behind a position. */
  | { readonly after: Position }
  /** With the first event that was recorded at this time or later. The log is read up to there once. */
  | { readonly time: Date };

/** How many events of a call have been handled, so that a failure can be told apart from what came before it. */
export interface Progress {
  /** Events at the front of the list that are done. */
  handled: number;
}

/** A projection, ready to be run. Made by {@link defineProjection}. */
export interface Projection<D extends Delivery = AtLeastOnce> {
  /** Its name, which its checkpoint is stored under. Never change it. */
  readonly name: string;
  /** How often an event can take effect. */
  readonly delivery: D;
  /** Which events it reads; `undefined` means all. */
  readonly filter: EventQuery | undefined;
  /** Where it starts when it has no checkpoint yet. */
  readonly from: StartPosition;
  /** Whether its handlers take events one by one, so that the one that fails is known. */
  readonly isSingle: boolean;
  /** Handles events in their order. Runners call this; `progress` tells them how far it came. */
  apply(events: readonly RecordedEvent[], context: ContextOf<D>, progress: Progress): Promise<void>;
}
