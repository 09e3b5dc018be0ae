import type { EventStore, Write } from "../store/event-store.ts";
import { START } from "../store/position.ts";
import type { EventMetadata } from "../store/recorded-event.ts";
import type { Saved, SaveOptions } from "./repository.ts";

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

/**
 * Saves several aggregates, of one kind or of many, in one append: all or nothing.
 *
 * @example
 * ```ts
 * await saveTogether(store, [accounts.prepareSave(from), accounts.prepareSave(to)]);
 * ```
 * @returns one result for each save, in their order
 * @throws ConcurrencyError when one of them was changed since it was loaded; nothing was written
 * @throws UnsupportedError when the store takes one stream at a time
 */
export async function saveTogether<Tx = never>(
  store: EventStore<Tx>,
  saves: readonly PreparedSave<Tx>[],
  options: SaveOptions<Tx> = {},
): Promise<readonly Saved[]> {
  const first = saves[0];
  if (first === undefined) return [];
  const metadata = { ...options.metadata, correlationId: options.metadata?.correlationId ?? first.newId() };
  const writes = saves.map((save) => save.write(metadata));
  const present = writes.filter((write) => write !== undefined);
  if (present.length === 0) return saves.map((save) => unchanged(save.version));
  const { tx, signal } = options;
  let result: Awaited<ReturnType<typeof store.append>>;
  try {
    result = await store.append(present, {
      ...(tx === undefined ? {} : { tx }),
      ...(signal === undefined ? {} : { signal }),
      ...(options.if === undefined ? {} : { if: options.if }),
    });
  } catch (error) {
    for (const save of saves) save.conflicted();
    throw error;
  }
  const versions = result.versions.values();
  const { position, duplicate } = result;
  return await Promise.all(
    saves.map(async (save, index) => {
      const write = writes[index];
      const version = write === undefined ? undefined : versions.next().value;
      if (write === undefined || version === undefined) return unchanged(save.version);
      return {
        version: await save.stored(version, { tx, duplicate }),
        events: write.events.length,
        position,
        duplicate,
      };
    }),
  );
}

function unchanged(version: number): Saved {
  return { version, events: 0, position: START, duplicate: false };
}
