import { createHash } from "node:crypto";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { Failure } from "./failure.ts";

/** What the program is asked to do. */
export interface Arguments {
  readonly repository: string;
  readonly database: string | undefined;
  readonly isFresh: boolean;
  readonly file: string | undefined;
  readonly at: string | undefined;
  readonly hasProgress: boolean;
}

export const HELP = `Event-sources the history of a git repository into a SQLite file.

usage: demo [REPOSITORY] [options]

  REPOSITORY        a folder in a git repository; the current one by default
  --db FILE         the database; by default a file for this repository in the folder for temporary files
  --fresh           start again with an empty database
  --file PATH       show the history of one file instead of the report
  --at POINT        with --file: its state at a version (3) or a time (2026-01-31)
  --no-progress     no progress bar
  --help            this text`;

/** @returns `undefined` when help is asked for @throws Failure for arguments that are not understood */
export function parseArguments(args: readonly string[], folder: string): Arguments | undefined {
  const { values, positionals } = parse(args);
  if (values.help === true) return undefined;
  const [repository = folder, extra] = positionals;
  if (extra !== undefined) throw new Failure(`one repository at a time: ${extra} is too much. See --help`);
  if (values.at !== undefined && values.file === undefined) throw new Failure("--at needs --file. See --help");
  return {
    repository: resolve(folder, repository),
    database: values.db === undefined ? undefined : resolve(folder, values.db),
    isFresh: values.fresh ?? false,
    file: values.file,
    at: values.at,
    hasProgress: values["no-progress"] !== true,
  };
}

/** The database of a repository, so that a second run finds it again. */
export function defaultDatabase(gitFolder: string): string {
  return join(tmpdir(), `git-history-${createHash("sha256").update(gitFolder).digest("hex").slice(0, 12)}.db`);
}

function parse(args: readonly string[]) {
  try {
    return parseArgs({
      // pnpm passes the separator on.
      args: args[0] === "--" ? args.slice(1) : [...args],
      allowPositionals: true,
      options: {
        db: { type: "string" },
        fresh: { type: "boolean" },
        file: { type: "string" },
        at: { type: "string" },
        "no-progress": { type: "boolean" },
        help: { type: "boolean", short: "h" },
      },
    });
  } catch (error) {
    throw new Failure(`${error instanceof Error ? error.message : String(error)}. See --help`);
  }
}
