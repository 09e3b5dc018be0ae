import type { AppendResult, ExpectedVersion } from "@es/core";
import { type EncodedAppend, formatPosition } from "@es/core/adapter";
import { FENCE } from "./fence.ts";
import type { StoreNames } from "./names.ts";
import type { TextRow } from "./query-runner.ts";
import { type Statement, statementOf } from "./statement.ts";

/** SQL for the number of the transaction and its start, which tells it apart from a later one with the same number. */
export const TRANSACTION = "pg_current_xact_id()::text || ' ' || extract(epoch FROM transaction_timestamp())::text";

/** What became of one append in a statement that carried it, alone or with others. */
export type Verdict =
  | { readonly kind: "stored"; readonly result: AppendResult }
  | { readonly kind: "refused"; readonly found: readonly number[] };

/** An append as the statement takes it. */
export interface AppendInput {
  readonly append: EncodedAppend;
  /** Whether its condition, if it has one, was found to hold. */
  readonly holds: boolean;
}

/**
 * The statement that stores any number of appends, each all or nothing and with its own verdict. No stream may occur twice in
 * it: all versions are looked up before the first row is inserted. That nobody else inserts the same version at the same time
 * is what the unique index sees to; then the whole statement fails.
 */
export function appendStatement(
  { events }: StoreNames,
  {
    hasTags,
    tellsTransaction = false,
    isFenced = false,
  }: { readonly hasTags: boolean; readonly tellsTransaction?: boolean; readonly isFenced?: boolean },
): Statement {
  const [column, value, parameter, alias] = hasTags
    ? [", tags", ", e.g::text[]", ", $11::text[]", ", g"]
    : ["", "", "", ""];
  return statementOf(`
WITH w AS MATERIALIZED (
  SELECT i.k, i.a, i.s, c.v, i.h AND CASE WHEN i.x IS NULL THEN true WHEN i.x < 0 THEN c.v > 0 ELSE c.v = i.x END AS ok
  FROM unnest($1::int[], $2::text[], $3::bigint[], $4::bool[]) WITH ORDINALITY i(a, s, x, h, k)
  CROSS JOIN LATERAL (
    SELECT coalesce((SELECT version FROM ${events} WHERE stream = i.s ORDER BY version DESC LIMIT 1), 0) AS v
    OFFSET 0 -- or the look-up would be copied to each place that names it
  ) c
), good AS MATERIALIZED (
  SELECT a FROM w GROUP BY a HAVING bool_and(ok)
), i AS (
  INSERT INTO ${events} (stream, version, id, type, data, meta${column})
  SELECT w.s, w.v + e.n, e.i, e.t, e.d, e.m${value}
  FROM unnest($5::bigint[], $6::int[], $7::uuid[], $8::text[], $9::json[], $10::json[]${parameter}) WITH ORDINALITY e(k, n, i, t, d, m${alias}, o)
  JOIN w USING (k) JOIN good USING (a)
  ORDER BY e.o
  RETURNING stream, position
)
SELECT w.v, p.position${tellsTransaction ? `, ${TRANSACTION}` : ""}${isFenced ? FENCE : ""} FROM w LEFT JOIN (SELECT stream, max(position) AS position FROM i GROUP BY stream) p ON p.stream = w.s
ORDER BY w.k`);
}

/**
 * The statements for one event behind version $2 of stream $1: the first of a stream, and one behind another. They take a third
 * less of the server's time than the one for groups. They tell the position; nothing when the stream is not at that version, or
 * somebody else was faster.
 */
export function loneStatements({ events }: StoreNames): { readonly first: Statement; readonly next: Statement } {
  const insert = `INSERT INTO ${events} (stream, version, id, type, data, meta)`;
  const end = "ON CONFLICT (stream, version) DO NOTHING RETURNING position";
  return {
    first: statementOf(`${insert} VALUES ($1, $2::bigint + 1, $3::uuid, $4, $5::json, $6::json) ${end}`),
    next: statementOf(
      `${insert} SELECT stream, version + 1, $3::uuid, $4, $5::json, $6::json FROM ${events} WHERE stream = $1 AND version = $2::bigint ${end}`,
    ),
  };
}

/**
 * The statement for several events behind version $2 of stream $1. It tells the last position; NULL when the stream is not at
 * that version. When somebody else inserts the same version at the same time, it fails.
 */
export function batchStatement({ events }: StoreNames): Statement {
  return statementOf(`
WITH i AS (
  INSERT INTO ${events} (stream, version, id, type, data, meta)
  SELECT $1, $2::bigint + e.n, e.i, e.t, e.d, e.m
  FROM unnest($3::uuid[], $4::text[], $5::json[], $6::json[]) WITH ORDINALITY e(i, t, d, m, n)
  WHERE coalesce((SELECT version FROM ${events} WHERE stream = $1 ORDER BY version DESC LIMIT 1), 0) = $2::bigint
  ORDER BY e.n
  RETURNING position
)
SELECT max(position) FROM i`);
}

/** What the statement binds. */
export function appendValues(inputs: readonly AppendInput[], hasTags: boolean): readonly unknown[] {
  const writes: [number[], string[], (number | null)[], boolean[]] = [[], [], [], []];
  const events: [number[], number[], string[], string[], string[], (string | null)[]] = [[], [], [], [], [], []];
  const tags: (string | null)[] = [];
  for (const [index, { append, holds }] of inputs.entries()) {
    for (const write of append.writes) {
      writes[0].push(index);
      writes[1].push(write.streamId);
      writes[2].push(expectedNumber(write.expected));
      writes[3].push(holds);
      for (const [offset, event] of write.events.entries()) {
        events[0].push(writes[0].length);
        events[1].push(offset + 1);
        events[2].push(event.id);
        events[3].push(event.type);
        events[4].push(event.data);
        events[5].push(event.metadata);
        if (hasTags) tags.push(event.tags.length === 0 ? null : arrayLiteral(event.tags));
      }
    }
  }
  return hasTags ? [...writes, ...events, tags] : [...writes, ...events];
}

/** The verdicts, in the order of the inputs. */
export function verdictsOf(inputs: readonly AppendInput[], rows: readonly TextRow[]): readonly Verdict[] {
  let next = 0;
  return inputs.map(({ append }) => {
    const mine = rows.slice(next, next + append.writes.length);
    next += append.writes.length;
    const found = mine.map(([version]) => Number(version));
    const positions = mine.map(([, position]) => position);
    if (mine.length < append.writes.length || positions.includes(null)) return { kind: "refused", found };
    const versions = append.writes.map(({ events }, index) => (found[index] ?? 0) + events.length);
    const position = formatPosition(Math.max(...positions.map(Number)));
    return { kind: "stored", result: { position, versions, duplicate: false } };
  });
}

/** The text of a list of texts as PostgreSQL reads it. */
export function arrayLiteral(texts: readonly string[]): string {
  return `{${texts.map((text) => `"${text.replaceAll(/["\\]/g, String.raw`\$&`)}"`).join(",")}}`;
}

/** NULL: any version will do; -1: the stream must have events. */
function expectedNumber(expected: ExpectedVersion): number | null {
  switch (expected) {
    case "any":
      return null;
    case "stream-exists":
      return -1;
    case "no-stream":
      return 0;
    default:
      return expected;
  }
}
