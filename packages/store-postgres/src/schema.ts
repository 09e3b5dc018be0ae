import { ConfigurationError } from "@es/core";
import { eventsTable, partitionedEventsTable } from "./events-table.ts";
import { type StoreNames, storeNames } from "./names.ts";

const MOST_PARTITIONS = 1_000;

/** The tables of the event log and their columns, as `name type`. */
export const TABLES = {
  meta: ["key text", "value text"],
  events: [
    "position bigint",
    "stream text",
    "version bigint",
    "id uuid",
    "type text",
    "at timestamp with time zone",
    "tags text[]",
    "meta json",
    "data json",
  ],
  registers: ["key text", "value bytea", "revision bigint"],
} as const;

/**
 * Entry n leads from format n to format n + 1; format 0 is a schema without the tables. Entries are never changed once they
 * are released. The row `format` of `meta` stays readable in every format, so that an old package can refuse a new log.
 */
export const MIGRATIONS: readonly ((names: StoreNames, partitions?: number) => string)[] = [
  ({ meta, events, registers, sequence, announce, watermark, head, namespace, prefix }, partitions) => `
CREATE TABLE ${meta} (
  key text COLLATE "C" PRIMARY KEY,
  value text NOT NULL
);

-- The cache of the sequence must stay 1: the order of positions has to be the order in which they are drawn.
${partitions === undefined ? eventsTable({ events, sequence }) : partitionedEventsTable({ events, sequence, prefix }, partitions)}

-- A deleted register keeps its row without a value, so that no revision is used twice.
CREATE TABLE ${registers} (
  key text COLLATE "C" PRIMARY KEY,
  value bytea,
  revision bigint NOT NULL
) WITH (fillfactor = 50);

-- Before it draws its first position, every writer announces a lower bound of its positions by a shared lock that it holds
-- until its transaction has ended. Nobody ever waits for these locks.
CREATE FUNCTION ${announce}() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM pg_advisory_xact_lock_shared((${namespace}::bigint << 48) | (SELECT last_value - (NOT is_called)::int FROM ${sequence}));
  RETURN NULL;
END $$;
CREATE TRIGGER "${prefix}announce" BEFORE INSERT ON ${events} FOR EACH STATEMENT EXECUTE FUNCTION ${announce}();

-- Behind the watermark nothing can appear any more. The newest position must be taken before the locks are looked at.
CREATE FUNCTION ${watermark}() RETURNS bigint LANGUAGE plpgsql VOLATILE AS $$
DECLARE
  newest bigint;
  oldest_open bigint;
BEGIN
  SELECT CASE WHEN is_called THEN last_value ELSE 0 END INTO newest FROM ${sequence};
  SELECT min(((classid::bigint << 32) | objid::bigint) & 281474976710655) INTO oldest_open FROM pg_locks
    WHERE locktype = 'advisory' AND objsubid = 1 AND (classid::bigint >> 16) = ${namespace}
      AND database = (SELECT oid FROM pg_database WHERE datname = current_database());
  RETURN least(newest, coalesce(oldest_open, newest));
END $$;

-- The newest event that readers may see; taken in a snapshot that is younger than the watermark.
CREATE FUNCTION ${head}() RETURNS bigint LANGUAGE plpgsql VOLATILE AS $$
DECLARE
  settled bigint := ${watermark}();
BEGIN
  RETURN coalesce((SELECT max(position) FROM ${events} WHERE position <= settled), 0);
END $$;

INSERT INTO ${meta} (key, value) VALUES ('identity', gen_random_uuid()::text), ('created', now()::text);
`,
];

/** The format that this package writes. */
export const FORMAT: number = MIGRATIONS.length;

/** Records that the log has the newest format. */
export function recordFormatSql({ meta }: StoreNames): string {
  return `INSERT INTO ${meta} (key, value) VALUES ('format', '${FORMAT}') ON CONFLICT (key) DO UPDATE SET value = excluded.value;\n`;
}

/** Makes a new log one with tags and conditions, or records that it is without. */
export function tagsSql({ meta, events, prefix }: StoreNames, hasTags: boolean): string {
  const row = `INSERT INTO ${meta} (key, value) VALUES ('tags', '${hasTags}');\n`;
  // Without fastupdate an append never has to clear up the pending list of others.
  return hasTags
    ? `${row}CREATE INDEX "${prefix}events_tags" ON ${events} USING gin (tags) WITH (fastupdate = off);\n`
    : row;
}

/** Options of {@link postgresSchemaSql}. */
export interface PostgresSchemaOptions {
  /** The schema. @defaultValue `"es"` */
  readonly schema?: string;
  /** What the names begin with. @defaultValue `""` */
  readonly prefix?: string;
  /** Whether the store keeps tags. @defaultValue `false` */
  readonly tags?: boolean;
  /**
   * Spread the streams over so many tables, from 2 to 1,000, by a hash of their ids: for logs whose one table would be too large to
   * look after. It cannot be changed later. @defaultValue one table
   */
  readonly partitions?: number;
}

/**
 * The SQL that creates a new event log, for a database administrator who applies it instead of the store; the store is then
 * opened with `migrate: false` by a role that may not create anything. The package holds it with the defaults as `schema.sql`.
 *
 * @throws ConfigurationError for a number of partitions that is none
 */
export function postgresSchemaSql({
  schema = "es",
  prefix = "",
  tags = false,
  partitions,
}: PostgresSchemaOptions = {}): string {
  if (partitions !== undefined && !(Number.isInteger(partitions) && partitions >= 2 && partitions <= MOST_PARTITIONS)) {
    throw new ConfigurationError(
      `option partitions of the PostgreSQL event store is ${partitions}; it must be a whole number from 2 to ${MOST_PARTITIONS}`,
    );
  }
  const names = storeNames({ schema, prefix });
  const steps = MIGRATIONS.map((step) => step(names, partitions)).join("");
  return `BEGIN;\n\nCREATE SCHEMA IF NOT EXISTS "${schema}";\n${steps}${tagsSql(names, tags)}${recordFormatSql(names)}\nCOMMIT;\n`;
}
