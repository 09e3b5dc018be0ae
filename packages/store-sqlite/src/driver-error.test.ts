import { ConfigurationError } from "@es/core";
import { expect, it } from "vitest";
import { isLocked, mayReappear, toStoreError } from "./driver-error.ts";

const driverError = (code: string): Error => Object.assign(new Error("the driver's words"), { code });

it.each([
  ["SQLITE_BUSY", "ES_STORE_UNAVAILABLE"],
  ["SQLITE_BUSY_SNAPSHOT", "ES_STORE_UNAVAILABLE"],
  ["SQLITE_BUSY_RECOVERY", "ES_STORE_UNAVAILABLE"],
  ["SQLITE_LOCKED", "ES_STORE_UNAVAILABLE"],
  ["SQLITE_LOCKED_SHAREDCACHE", "ES_STORE_UNAVAILABLE"],
  ["SQLITE_FULL", "ES_STORE_UNAVAILABLE"],
  ["SQLITE_IOERR", "ES_STORE_UNAVAILABLE"],
  ["SQLITE_IOERR_FSYNC", "ES_STORE_UNAVAILABLE"],
  ["SQLITE_NOMEM", "ES_STORE_UNAVAILABLE"],
  ["SQLITE_INTERRUPT", "ES_STORE_UNAVAILABLE"],
  ["SQLITE_CORRUPT", "ES_STORE_CORRUPT"],
  ["SQLITE_CORRUPT_VTAB", "ES_STORE_CORRUPT"],
  ["SQLITE_NOTADB", "ES_STORE_FORMAT"],
  ["SQLITE_READONLY", "ES_UNSUPPORTED"],
  ["SQLITE_READONLY_DIRECTORY", "ES_UNSUPPORTED"],
  ["SQLITE_READONLY_DBMOVED", "ES_STORE_UNAVAILABLE"],
  ["SQLITE_CANTOPEN", "ES_CONFIGURATION"],
  ["SQLITE_CANTOPEN_ISDIR", "ES_CONFIGURATION"],
  ["SQLITE_PERM", "ES_CONFIGURATION"],
  ["SQLITE_TOOBIG", "ES_APPEND_TOO_LARGE"],
  ["SQLITE_CONSTRAINT_TRIGGER", "ES_CONFIGURATION"],
  ["SQLITE_ERROR", "ES_STORE_FORMAT"],
])("turns %s into %s and keeps the driver's error as cause", (code, expected) => {
  const cause = driverError(code);

  expect(toStoreError(cause, "testing")).toMatchObject({ code: expected, cause });
});

it("knows the driver's own errors by their words", () => {
  const busy = new TypeError("This database connection is busy executing a query");
  const closed = new TypeError("The database connection is not open");

  expect(isLocked(busy)).toBe(true);
  expect(toStoreError(busy, "testing")).toMatchObject({ code: "ES_STORE_UNAVAILABLE", cause: busy });
  expect(toStoreError(closed, "testing")).toMatchObject({ code: "ES_STORE_CLOSED", cause: closed });
});

it("passes errors of the toolkit on and wraps what it does not know", () => {
  const known = new ConfigurationError("wrong");

  expect(toStoreError(known, "testing")).toBe(known);
  expect(toStoreError("odd", "testing")).toMatchObject({ code: "ES_STORE_UNAVAILABLE", cause: "odd" });
  expect(toStoreError(driverError("EACCES"), "testing")).toMatchObject({ code: "ES_STORE_UNAVAILABLE" });
});

it.each([
  ["SQLITE_IOERR_FSYNC", true],
  ["SQLITE_IOERR", true],
  ["SQLITE_IOERR_WRITE", false],
  ["SQLITE_FULL", false],
  ["SQLITE_BUSY", false],
])("a commit that failed with %s may reappear after a crash: %s", (code, expected) => {
  expect(mayReappear(driverError(code))).toBe(expected);
});
