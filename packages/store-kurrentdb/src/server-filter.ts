import type { EventQuery } from "@es/core";
import type { ServerFilter } from "./kurrent-client.ts";
import { escapePattern, type StoreNames, typesPattern } from "./names.ts";

/** The server tells after so many events that did not match how far it has come. */
const SEARCH_WINDOW = 512;
/** A longer list of names is filtered by this process. */
const MAX_NAMES = 500;

/**
 * What to ask the server for. It filters by streams or by types, not both, so this lets through at least what the queries mean.
 */
export function serverFilter(names: StoreNames, queries: readonly EventQuery[] | undefined): ServerFilter {
  const categories = union(queries, "categories");
  if (categories !== undefined) return filterBy("streamName", names.categoriesPattern(categories));
  const types = union(queries, "types");
  if (types !== undefined) return filterBy("eventType", typesPattern(types));
  return everyEvent(names);
}

/** Every event of the store, and of the server's own only what is in the store's streams. */
export function everyEvent(names: StoreNames): ServerFilter {
  return filterBy("streamName", names.pattern);
}

/** The metadata of the store's registers whose keys begin so. */
export function everyRegister(names: StoreNames, prefix: string): ServerFilter {
  return filterBy("streamName", `^\\$\\$${escapePattern(names.registersPrefix + prefix)}`);
}

function filterBy(filterOn: ServerFilter["filterOn"], regex: string): ServerFilter {
  return { filterOn, regex, checkpointInterval: 1, maxSearchWindow: SEARCH_WINDOW };
}

/** All names that the queries allow, or `undefined` when one of them allows any. */
function union(
  queries: readonly EventQuery[] | undefined,
  member: "categories" | "types",
): readonly string[] | undefined {
  const names = new Set<string>();
  for (const query of queries ?? [{}]) {
    const allowed = query[member];
    if (allowed === undefined) return undefined;
    for (const name of allowed) names.add(name);
  }
  return names.size > MAX_NAMES ? undefined : [...names];
}
