import { ConfigurationError, type EventStore } from "@es/core";
import { openSqliteEventStore } from "./open-sqlite-event-store.ts";
import type { SqliteCommonOptions } from "./options.ts";
import type { SqliteDatabase } from "./sqlite-database.ts";

/**
 * Opens the store at `sqlite:./file.db`, `sqlite:///absolute/file.db` or `sqlite::memory:`. Options follow as a query, such as
 * `?synchronous=NORMAL&timeoutMs=10000&readOnly=true`. What `openEventStore` of `@es/core` calls.
 *
 * @throws ConfigurationError naming what is wrong in the address
 */
export async function openFromUrl(url: string): Promise<EventStore<SqliteDatabase>> {
  return openSqliteEventStore(parseSqliteUrl(url));
}

/** The options that an address means. */
export function parseSqliteUrl(url: string): { readonly path: string } & SqliteCommonOptions {
  const match = /^sqlite:([^?#]*)(?:\?([^#]*))?$/i.exec(url);
  if (match === null) {
    throw new ConfigurationError(
      `${JSON.stringify(url)} is not an address of the SQLite store, such as "sqlite:./events.db"; write "#" in a path as %23`,
    );
  }
  const [, place = "", query = ""] = match;
  return { path: pathOf(place, url), ...optionsOf(query, url) };
}

function pathOf(place: string, url: string): string {
  if (place.startsWith("//") && !place.startsWith("///")) {
    throw new ConfigurationError(
      `${JSON.stringify(url)} names a host; a path is written "sqlite:./events.db" (relative) or "sqlite:///data/events.db" (absolute)`,
    );
  }
  let path: string;
  try {
    path = decodeURIComponent(place.startsWith("///") ? place.slice(2) : place);
  } catch (cause) {
    throw new ConfigurationError(
      `the path in ${JSON.stringify(url)} has a "%" that encodes nothing; write "%" as %25`,
      { cause },
    );
  }
  if (path === "")
    throw new ConfigurationError(
      `${JSON.stringify(url)} names no file; write "sqlite:./events.db" or "sqlite::memory:"`,
    );
  return path;
}

function optionsOf(query: string, url: string): SqliteCommonOptions {
  let options: SqliteCommonOptions = {};
  const seen = new Set<string>();
  for (const [name, value] of new URLSearchParams(query)) {
    if (seen.has(name)) throw new ConfigurationError(`${JSON.stringify(url)} has the parameter ${name} twice`);
    seen.add(name);
    options = { ...options, ...optionOf(name, value, url) };
  }
  return options;
}

function optionOf(name: string, value: string, url: string): SqliteCommonOptions {
  const wrong = (right: string): ConfigurationError =>
    new ConfigurationError(
      `parameter ${name} in ${JSON.stringify(url)} is ${JSON.stringify(value)}; it must be ${right}`,
    );
  const wholeNumber = (): number => {
    if (!/^\d{1,15}$/.test(value)) throw wrong("a whole number");
    return Number(value);
  };
  switch (name) {
    case "synchronous":
      if (value !== "FULL" && value !== "NORMAL") throw wrong("FULL or NORMAL");
      return { synchronous: value };
    case "readOnly":
      if (value !== "true" && value !== "false") throw wrong("true or false");
      return { readOnly: value === "true" };
    case "createTables":
      if (value !== "empty-file" && value !== "alongside") throw wrong("empty-file or alongside");
      return { createTables: value };
    case "timeoutMs":
      return { timeoutMs: wholeNumber() };
    case "pollIntervalMs":
      return { pollIntervalMs: wholeNumber() };
    case "maxPendingWrites":
      return { maxPendingWrites: wholeNumber() };
    default:
      throw new ConfigurationError(
        `${JSON.stringify(url)} has the unknown parameter ${JSON.stringify(name)}; known are createTables, maxPendingWrites, pollIntervalMs, readOnly, synchronous and timeoutMs`,
      );
  }
}
