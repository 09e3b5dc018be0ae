import type { EventStore } from "../store/event-store.ts";
import { START } from "../store/position.ts";
import type { PreparedSave } from "./prepared-save.ts";
import type { Saved, SaveOptions } from "./repository.ts";

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
