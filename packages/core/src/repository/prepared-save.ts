import type { Write } from "../store/event-store.ts";
import type { EventMetadata } from "../store/recorded-event.ts";

/** One aggregate's part of a save. Made by `repository.prepareSave(aggregate)`. */
export interface PreparedSave<Tx = never> {
  /** The stream of the aggregate. */
  readonly streamId: string;
  /** Draws ids for the events that have none yet. */
  readonly newId: () => string;
  /** The write, or `undefined` when there is nothing to save. */
  write(metadata: EventMetadata): Write | undefined;
  /** The version of the aggregate before the save. */
  readonly version: number;
  /** Called when the write is stored. Never fails; resolves to the version of the aggregate now. */
  stored(version: number, how: { readonly tx: Tx | undefined; readonly duplicate: boolean }): Promise<number>;
  /** Called when the append was refused because a stream had moved. */
  conflicted(): void;
}
