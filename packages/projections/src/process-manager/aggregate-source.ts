import type { AnyAggregate, EventStore, RecordedEvent, Repository } from "@es/core";

/** Where a unit of work gets its aggregates. */
export type AggregateSource = (
  repository: Repository<AnyAggregate, unknown>,
  id: string,
) => Promise<{ readonly aggregate: AnyAggregate; readonly isDone: boolean }>;

/** Aggregates as they are now. */
export const presentAggregates: AggregateSource = async (repository, id) => ({
  aggregate: await repository.loadOrCreate(id),
  isDone: false,
});

/**
 * Aggregates as they were when an event came for the first time. What it led to is recognised in the stream itself, by its id as the
 * cause. An aggregate that has reacted already is handed out as it was before, so that the handler decides the same again, and is done.
 */
export function aggregatesBefore(cause: RecordedEvent, store: EventStore<unknown>): AggregateSource {
  return async (repository, id) => {
    const { streamId } = repository.create(id);
    // In this order: what another process stores between the two is found, and what it stores later lets the save be refused.
    const present = await presentAggregates(repository, id);
    const version = await versionBefore(cause, store, streamId);
    if (version === undefined) return present;
    const aggregate = version === 0 ? repository.create(id) : await repository.loadAt(id, { version });
    return { aggregate, isDone: true };
  };
}

/** The version of a stream in front of what the event has led to, or `undefined` when it has led to nothing there. */
async function versionBefore(
  cause: RecordedEvent,
  store: EventStore<unknown>,
  streamId: string,
): Promise<number | undefined> {
  let before: number | undefined;
  // Most often the newest event is older than the cause, and the first page shows that.
  for await (const page of store.readStream(streamId, { direction: "backward", pageSize: 20 })) {
    for (const event of page) {
      if (event.position <= cause.position) return before;
      if (event.metadata.causationId === cause.id) before = event.version - 1;
    }
  }
  return before;
}
