import { ConfigurationError } from "../errors/configuration-error.ts";
import type { EventFilter, EventQuery } from "../store/event-query.ts";
import { categoryOf } from "../store/stream-id.ts";

/**
 * The queries of a filter as a list.
 * @throws ConfigurationError for an empty list, of queries or in a query
 */
export function queriesOf(filter: EventFilter | undefined): readonly EventQuery[] | undefined {
  if (filter === undefined) return undefined;
  const queries = isQueries(filter) ? filter : [filter];
  if (queries.length === 0) throw new ConfigurationError("the filter has no queries; leave it out to mean every event");
  for (const query of queries) {
    for (const name of ["types", "categories", "tags"] as const) {
      if (query[name]?.length === 0) {
        throw new ConfigurationError(
          `the filter's ${name} are empty; leave the member out to mean any, or do not read at all`,
        );
      }
    }
  }
  return queries;
}

/** Whether an event matches one of the queries; with no queries, every event does. */
export function matchesQueries(
  event: { readonly type: string; readonly streamId: string; readonly tags: readonly string[] },
  queries: readonly EventQuery[] | undefined,
): boolean {
  return queries === undefined || queries.some((query) => matchesQuery(event, query));
}

function matchesQuery(
  event: { readonly type: string; readonly streamId: string; readonly tags: readonly string[] },
  query: EventQuery,
): boolean {
  return (
    (query.types === undefined || query.types.includes(event.type)) &&
    (query.categories === undefined || query.categories.includes(categoryOf(event.streamId))) &&
    (query.tags === undefined || query.tags.every((tag) => event.tags.includes(tag)))
  );
}

function isQueries(filter: EventFilter): filter is readonly EventQuery[] {
  return Array.isArray(filter);
}
