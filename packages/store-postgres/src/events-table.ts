import type { StoreNames } from "./names.ts";

const COLUMNS = `stream text COLLATE "C" NOT NULL,
  version bigint NOT NULL,
  id uuid NOT NULL,
  type text COLLATE "C" NOT NULL,
  at timestamptz NOT NULL DEFAULT now(),
  tags text[] COLLATE "C",
  meta json,
  data json NOT NULL,
  UNIQUE (stream, version)`;

/** SQL for the table of events. */
export function eventsTable({ events, sequence }: Pick<StoreNames, "events" | "sequence">): string {
  return `CREATE TABLE ${events} (
  position bigint GENERATED ALWAYS AS IDENTITY (SEQUENCE NAME ${sequence} CACHE 1) PRIMARY KEY,
  ${COLUMNS}
);`;
}

/**
 * SQL for a table of events whose streams are spread over partitions. A unique index would have to hold the partition's key, so
 * that of the positions is a plain one: they are unique because they come from one sequence.
 */
export function partitionedEventsTable(
  { events, sequence, prefix }: Pick<StoreNames, "events" | "sequence" | "prefix">,
  partitions: number,
): string {
  const partition = (remainder: number): string =>
    `CREATE TABLE ${events.slice(0, -1)}_${remainder}" PARTITION OF ${events} FOR VALUES WITH (MODULUS ${partitions}, REMAINDER ${remainder});`;
  return `CREATE SEQUENCE ${sequence} AS bigint CACHE 1;
CREATE TABLE ${events} (
  position bigint NOT NULL DEFAULT nextval('${sequence}'),
  ${COLUMNS}
) PARTITION BY HASH (stream);
ALTER SEQUENCE ${sequence} OWNED BY ${events}.position;
${Array.from({ length: partitions }, (_, remainder) => partition(remainder)).join("\n")}
CREATE INDEX "${prefix}events_position" ON ${events} (position);`;
}
