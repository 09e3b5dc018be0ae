import { ConfigurationError, StoreFormatError } from "@es/core";
import { sqlStateOf } from "./driver-error.ts";
import { lockKeyOf, type StoreNames } from "./names.ts";
import type { Borrowed, QueryRunner } from "./query-runner.ts";
import type { Ask } from "./refusal.ts";
import { FORMAT, MIGRATIONS, recordFormatSql, TABLES, tagsSql } from "./schema.ts";
import { statementOf } from "./statement.ts";

/** What stands in the schema. */
type Content =
  | { readonly kind: "nothing"; readonly hasSchema: boolean }
  | { readonly kind: "foreign"; readonly tables: readonly string[] }
  | { readonly kind: "log"; readonly format: number; readonly identity: string; readonly hasTags: boolean };

/** An event log that can be used. */
export interface EventLog {
  readonly identity: string;
  readonly hasTags: boolean;
}

const COLUMNS = statementOf(
  `SELECT c.relname, coalesce(string_agg(a.attname || ' ' || format_type(a.atttypid, NULL), ',' ORDER BY a.attnum), '')
   FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
   LEFT JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
   WHERE n.nspname = $1 AND c.relname = ANY ($2::text[]) GROUP BY c.relname ORDER BY c.relname`,
);
const SCHEMA = statementOf("SELECT 1 FROM pg_namespace WHERE nspname = $1");

/**
 * Finds the event log, and creates it or brings it to the newest format when that is allowed. Safe from many processes at once:
 * what is there is looked at again under a lock.
 *
 * @throws StoreFormatError when there is something else, a newer log, or none where none may be created
 * @throws ConfigurationError when the log was made with tags and is opened without, or the other way round
 */
export async function openLog(
  runner: QueryRunner,
  connection: Borrowed,
  { names, ...wanted }: { readonly names: StoreNames; readonly tags: boolean | undefined; readonly migrate: boolean },
): Promise<EventLog> {
  const ask: Ask = (statement, values) => runner.query(connection, statement, values);
  let content = await inspect(ask, names);
  if (content.kind === "nothing" || (content.kind === "log" && content.format < FORMAT)) {
    if (!wanted.migrate) {
      throw new StoreFormatError(
        content.kind === "nothing"
          ? `there is no event log in schema ${JSON.stringify(names.schema)}, and migrate is false; apply the SQL that postgresSchemaSql() gives, or check schema and prefix`
          : `the event log has format ${content.format}, this package needs ${FORMAT}, and migrate is false; open it once with migrate: true`,
      );
    }
    await migrate({ runner, connection, names, hasTags: wanted.tags ?? false });
    content = await inspect(ask, names);
  }
  if (content.kind === "foreign") throw foreignTables(content.tables, names);
  if (content.kind === "nothing") throw new StoreFormatError("the event log is gone again; did somebody drop it?");
  if (content.format > FORMAT) throw newerFormat(content.format);
  if (wanted.tags !== undefined && wanted.tags !== content.hasTags) {
    throw new ConfigurationError(
      `the event log was made with tags: ${content.hasTags} and is opened with tags: ${wanted.tags}; all who append have to agree, leave the option out or see the documentation on how to change a log`,
    );
  }
  return content;
}

async function migrate({
  runner,
  connection,
  names,
  hasTags,
}: {
  readonly runner: QueryRunner;
  readonly connection: Borrowed;
  readonly names: StoreNames;
  readonly hasTags: boolean;
}): Promise<void> {
  const ask: Ask = (statement, values) => runner.query(connection, statement, values);
  const command = (sql: string): Promise<void> => runner.command(connection, sql);
  await command(`BEGIN; SET LOCAL lock_timeout = ${runner.timeoutMs}`);
  try {
    await command(`SELECT pg_advisory_xact_lock(${names.lockClass}, ${lockKeyOf("migrate")})`);
    const content = await inspect(ask, names);
    if (content.kind === "foreign") throw foreignTables(content.tables, names);
    const from = content.kind === "log" ? content.format : 0;
    if (content.kind === "nothing" && !content.hasSchema) await command(`CREATE SCHEMA "${names.schema}"`);
    for (const step of MIGRATIONS.slice(from)) await command(step(names));
    if (content.kind === "nothing") await command(tagsSql(names, hasTags));
    if (from < FORMAT) await command(recordFormatSql(names));
    await command("COMMIT");
  } catch (error) {
    await command("ROLLBACK").catch(() => undefined);
    if (sqlStateOf(error) !== "42501") throw error;
    throw new ConfigurationError(
      `the role may not create the event log in schema ${JSON.stringify(names.schema)}; grant it CREATE on the database, or apply the SQL that postgresSchemaSql() gives as another role and open the store with migrate: false`,
      { cause: error },
    );
  }
}

async function inspect(ask: Ask, names: StoreNames): Promise<Content> {
  const expected = Object.entries(TABLES).map(([name, columns]) => ({ name: `${names.prefix}${name}`, columns }));
  const literal = `{${expected.map(({ name }) => `"${name}"`).join(",")}}`;
  const rows = await ask(COLUMNS, [names.schema, literal]);
  const found = new Map(rows.map(([name, columns]) => [name ?? "", columns ?? ""]));
  if (found.size === 0) {
    return { kind: "nothing", hasSchema: (await ask(SCHEMA, [names.schema])).length > 0 };
  }
  const foreign: Content = { kind: "foreign", tables: [...found.keys()] };
  if (found.get(`${names.prefix}meta`) !== TABLES.meta.join(",")) return foreign;
  const meta = await ask(statementOf(`SELECT key, value FROM ${names.meta}`), []);
  const values = new Map(meta.map(([key, value]) => [key, value]));
  const format = Number(values.get("format"));
  const identity = values.get("identity") ?? undefined;
  if (identity === undefined || !Number.isSafeInteger(format) || format < 1) return foreign;
  // A newer format may have other columns.
  const isComplete = expected.every(({ name, columns }) => found.get(name) === columns.join(","));
  if (format === FORMAT && !isComplete) return foreign;
  return { kind: "log", format, identity, hasTags: values.get("tags") === "true" };
}

function foreignTables(tables: readonly string[], { schema, prefix }: StoreNames): StoreFormatError {
  return new StoreFormatError(
    `schema ${JSON.stringify(schema)} holds ${tables.map((table) => JSON.stringify(table)).join(", ")}, but not as tables of an event log; choose another schema or prefix (now ${JSON.stringify(prefix)})`,
  );
}

function newerFormat(format: number): StoreFormatError {
  return new StoreFormatError(
    `the event log has format ${format}, and this package knows formats up to ${FORMAT}; upgrade @es/store-postgres`,
  );
}
