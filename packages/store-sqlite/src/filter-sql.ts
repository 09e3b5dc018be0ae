import type { EventQuery } from "@es/core";

/** A piece of SQL and what it binds. */
export interface SqlPart {
  readonly sql: string;
  readonly params: readonly unknown[];
}

// Lists are bound as one JSON text, so that there is one statement for all lengths and no limit on the number of parameters.
const IN_LIST = "IN (SELECT value FROM json_each(?))";
const CATEGORY = "iif(instr(e.stream, '-') = 0, e.stream, substr(e.stream, 1, instr(e.stream, '-') - 1))";

/**
 * The condition on row `e` of `es_events` that one of the queries matches, for positions in (`after`, `upTo`].
 * A query with tags goes through the index on tags, the others through the rows of the range.
 */
export function matchSql(queries: readonly EventQuery[], after: number, upTo: number): SqlPart {
  const parts = queries.map((query) => querySql(query, after, upTo));
  return { sql: parts.map(({ sql }) => `(${sql})`).join(" OR "), params: parts.flatMap(({ params }) => params) };
}

function querySql(query: EventQuery, after: number, upTo: number): SqlPart {
  const conditions: string[] = [];
  const params: unknown[] = [];
  const [first, ...others] = query.tags ?? [];
  if (first !== undefined) {
    conditions.push("e.position IN (SELECT position FROM es_tags WHERE tag = ? AND position > ? AND position <= ?)");
    params.push(first, after, upTo);
  }
  for (const tag of others) {
    conditions.push("EXISTS (SELECT 1 FROM es_tags WHERE tag = ? AND position = e.position)");
    params.push(tag);
  }
  if (query.types !== undefined) {
    conditions.push(`e.type ${IN_LIST}`);
    params.push(JSON.stringify(query.types));
  }
  if (query.categories !== undefined) {
    conditions.push(`${CATEGORY} ${IN_LIST}`);
    params.push(JSON.stringify(query.categories));
  }
  return { sql: conditions.length === 0 ? "TRUE" : conditions.join(" AND "), params };
}

/** The oldest event that matches one query and is newer than `after`: one column, its position. */
export function firstMatchSql(query: EventQuery, after: number): SqlPart {
  const { sql, params } = querySql(query, after, Number.MAX_SAFE_INTEGER);
  return {
    sql: `SELECT e.position FROM es_events AS e WHERE e.position > ? AND (${sql}) ORDER BY e.position LIMIT 1`,
    params: [after, ...params],
  };
}
