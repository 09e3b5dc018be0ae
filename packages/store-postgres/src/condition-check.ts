import { arrayLiteral } from "./append-statement.ts";
import type { EncodedAppend } from "@es/core/adapter";
import type { StoreNames } from "./names.ts";
import type { Ask } from "./refusal.ts";
import { type Statement, statementOf } from "./statement.ts";

/** Looks for events that break conditions. */
export class ConditionCheck {
  readonly #withTags: Statement;
  readonly #withoutTags: Statement;

  constructor({ events }: StoreNames) {
    // The sum keeps the planner from walking along the positions where the index on tags leads straight to the events.
    this.#withTags = matchStatement(events, "min(e.position + 0)", "e.tags @> q.tags::text[] AND");
    this.#withoutTags = matchStatement(events, "min(e.position)", "");
  }

  /** For each append whose condition does not hold, its place in the list and the position of the oldest matching event. */
  async matches(ask: Ask, appends: readonly EncodedAppend[]): Promise<ReadonlyMap<number, number>> {
    const tagged = new Questions();
    const untagged = new Questions();
    for (const [index, { condition }] of appends.entries()) {
      for (const query of condition?.queries ?? []) {
        const questions = query.tags === undefined ? untagged : tagged;
        questions.add([index, condition?.after, query.tags, query.types, query.categories]);
      }
    }
    const found = new Map<number, number>();
    for (const [statement, questions] of [
      [this.#withTags, tagged],
      [this.#withoutTags, untagged],
    ] as const) {
      if (questions.isEmpty) continue;
      for (const [index, position] of await ask(statement, questions.columns)) {
        const known = found.get(Number(index)) ?? Number.POSITIVE_INFINITY;
        found.set(Number(index), Math.min(known, Number(position)));
      }
    }
    return found;
  }
}

/** Queries as columns, to be bound as arrays. */
class Questions {
  readonly columns: readonly unknown[][] = [[], [], [], [], []];

  get isEmpty(): boolean {
    return this.columns[0]?.length === 0;
  }

  add(row: readonly (number | readonly string[] | undefined)[]): void {
    for (const [index, value] of row.entries()) {
      this.columns[index]?.push(typeof value === "object" ? arrayLiteral(value) : (value ?? null));
    }
  }
}

function matchStatement(events: string, oldest: string, tags: string): Statement {
  return statementOf(`
SELECT q.a, m.position
FROM unnest($1::int[], $2::bigint[], $3::text[], $4::text[], $5::text[]) q(a, after, tags, types, categories)
CROSS JOIN LATERAL (
  SELECT ${oldest} AS position FROM ${events} e
  WHERE ${tags} e.position > q.after
    AND (q.types IS NULL OR e.type = ANY (q.types::text[]))
    AND (q.categories IS NULL OR split_part(e.stream, '-', 1) = ANY (q.categories::text[]))
) m
WHERE m.position IS NOT NULL`);
}
