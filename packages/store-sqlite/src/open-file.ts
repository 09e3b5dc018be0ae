import { accessSync, constants, type Stats, statSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { ConfigurationError } from "@es/core";
import type { SqliteDatabase } from "./sqlite-database.ts";

/** A file that was looked at before it is opened. */
export interface DatabaseFile {
  readonly path: string;
  readonly isReadOnly: boolean;
}

/** The driver, loaded when it is first needed: an application that passes its own database may have another copy of it. */
export async function loadDriver(): Promise<(path: string, mode: { readonly isReadOnly: boolean }) => SqliteDatabase> {
  assertNodeVersion(process.versions.node);
  let driver: typeof import("better-sqlite3");
  try {
    ({ default: driver } = await import("better-sqlite3"));
  } catch (cause) {
    throw new ConfigurationError(
      "the SQLite event store needs the package better-sqlite3: npm install better-sqlite3",
      { cause },
    );
  }
  // The driver's own waiting for locks would stop the event loop.
  return (path, { isReadOnly }) => new driver(path, { timeout: 0, readonly: isReadOnly });
}

/**
 * Looks at the path first, because SQLite's own answers do not say what is wrong or what to do.
 *
 * @throws ConfigurationError when the file cannot be opened or created
 */
export function checkFile(path: string, readOnly: boolean): DatabaseFile {
  if (typeof path !== "string" || path === "" || path !== path.trim() || path.includes("\u0000")) {
    throw new ConfigurationError(
      `option path of the SQLite event store is ${JSON.stringify(path)}; it must be a file path without blanks at its ends, or ":memory:"`,
    );
  }
  const full = resolve(path);
  const shown = JSON.stringify(full);
  const stats = statOf(full);
  if (stats?.isDirectory())
    throw new ConfigurationError(
      `${shown} is a directory; name a file in it, such as ${JSON.stringify(resolve(full, "events.db"))}`,
    );
  if (stats === undefined) {
    if (readOnly)
      throw new ConfigurationError(`${shown} does not exist; open it once without readOnly to create the event log`);
    const directory = dirname(full);
    if (!statOf(directory)?.isDirectory()) {
      throw new ConfigurationError(
        `there is no directory ${JSON.stringify(directory)}; create it first, or check the path`,
      );
    }
    if (!may(directory, constants.W_OK | constants.X_OK)) {
      throw new ConfigurationError(
        `${shown} cannot be created: this process may not write to the directory; give it that right or choose another`,
      );
    }
    return { path: full, isReadOnly: false };
  }
  if (!may(full, constants.R_OK))
    throw new ConfigurationError(`this process may not read ${shown}; give it that right`);
  return { path: full, isReadOnly: readOnly || !may(full, constants.W_OK) };
}

function statOf(path: string): Stats | undefined {
  try {
    return statSync(path, { throwIfNoEntry: false });
  } catch (cause) {
    throw new ConfigurationError(
      `${JSON.stringify(path)} cannot be looked at; check the path and the rights of its directories`,
      { cause },
    );
  }
}

function may(path: string, mode: number): boolean {
  try {
    accessSync(path, mode);
    return true;
  } catch {
    return false;
  }
}

/** The driver ends an older Node without a word. @throws ConfigurationError */
export function assertNodeVersion(version: string): void {
  const [major = 0, minor = 0] = version.split(".").map(Number);
  if (major > 22 || (major === 22 && minor >= 12)) return;
  throw new ConfigurationError(`the SQLite event store needs Node.js 22.12 or later; this is ${version}`);
}
