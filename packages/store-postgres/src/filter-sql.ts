import type { EventQuery } from "@es/core";
import { arrayLiteral } from "./append-statement.ts";

/** A piece of SQL and what it binds. */
export interface SqlPart {
  readonly sql: string;
  readonly params: readonly unknown[];
}

/**
 * The condition on row `e` of the table of events that one of the queries matches.
 * @param bound - how many parameters come before those of the condition
 */
export function matchSql(queries: readonly EventQuery[], bound: number): SqlPart {
  const params: unknown[] = [];
  const bind = (texts: readonly string[]): string => `$${bound + params.push(arrayLiteral(texts))}::text[]`;
  const parts = queries.map(({ types, categories, tags }) => {
    const conditions: string[] = [];
    if (tags !== undefined) conditions.push(`e.tags @> ${bind(tags)}`);
    if (types !== undefined) conditions.push(`e.type = ANY (${bind(types)})`);
    if (categories !== undefined) conditions.push(`split_part(e.stream, '-', 1) = ANY (${bind(categories)})`);
    return conditions.length === 0 ? "TRUE" : conditions.join(" AND ");
  });
  return { sql: parts.map((part) => `(${part})`).join(" OR "), params };
}
