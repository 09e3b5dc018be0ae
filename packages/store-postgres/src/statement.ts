import { createHash } from "node:crypto";
import type { PostgresQuery } from "./postgres-driver.ts";

/** A piece of SQL that is run again and again. */
export interface Statement {
  readonly text: string;
  /** Follows from the text, so that stores that share a connection agree. */
  readonly name: string;
}

/** A statement, prepared once on each connection where preparing is allowed. */
export function statementOf(text: string): Statement {
  return { text, name: `es_${createHash("sha1").update(text).digest("hex").slice(0, 20)}` };
}

// The driver would make a Date or an object of some columns; the store reads the server's own texts.
const RAW = { getTypeParser: () => (text: string) => text };

/** The statement as the driver takes it. */
export function queryOf(statement: Statement | string, values: readonly unknown[], isPrepared: boolean): PostgresQuery {
  if (typeof statement === "string")
    return { text: statement, values: values.length > 0 ? [...values] : [], rowMode: "array", types: RAW };
  const query: PostgresQuery = { text: statement.text, values: [...values], rowMode: "array", types: RAW };
  if (isPrepared) query.name = statement.name;
  return query;
}
