import { parseArgs } from "node:util";
import { Failure } from "./failure.ts";
import type { Workload } from "./workload.ts";

/** What the program is asked to do. */
export interface Arguments {
  /** Of the database; `undefined` for a private server. */
  readonly url: string | undefined;
  readonly workload: Workload;
}

export const HELP = `Moves money between bank accounts from many sides at once, and shows that none is lost or made.

usage: start [URL] [options]

  URL             a PostgreSQL database, such as postgres://user@localhost:5432/shop; by default what POSTGRES_URL
                  says, or else a private server for this run. All tables are in the schema example_bank
  --accounts N    how many accounts, 2 to 10000; 50 by default
  --workers N     how many requests at the same time, 1 to 1000; 16 by default
  --seconds N     how long, 1 to 3600; 5 by default
  --help          this text`;

/** @returns `undefined` when help is asked for @throws Failure for arguments that are not understood */
export function parseArguments(args: readonly string[], environmentUrl: string | undefined): Arguments | undefined {
  const { values, positionals } = parse(args);
  if (values.help === true) return undefined;
  const [url = environmentUrl, extra] = positionals;
  if (extra !== undefined)
    throw new Failure(`one database at a time: there is something after the first address. See --help`);
  if (url !== undefined && url !== "" && !/^postgres(ql)?:\/\//.test(url)) {
    throw new Failure("the address of the database must begin with postgres://. See --help");
  }
  return {
    url: url === "" ? undefined : url,
    workload: {
      accounts: wholeNumber("--accounts", values.accounts, 2, 10_000, 50),
      workers: wholeNumber("--workers", values.workers, 1, 1_000, 16),
      seconds: wholeNumber("--seconds", values.seconds, 1, 3_600, 5),
    },
  };
}

function wholeNumber(name: string, text: string | undefined, least: number, most: number, byDefault: number): number {
  if (text === undefined) return byDefault;
  const value = /^\d{1,9}$/.test(text) ? Number(text) : Number.NaN;
  if (value >= least && value <= most) return value;
  throw new Failure(`${name} must be a whole number from ${least} to ${most}, not ${JSON.stringify(text)}. See --help`);
}

function parse(args: readonly string[]) {
  try {
    return parseArgs({
      // pnpm passes the separator on.
      args: args[0] === "--" ? args.slice(1) : [...args],
      allowPositionals: true,
      options: {
        accounts: { type: "string" },
        workers: { type: "string" },
        seconds: { type: "string" },
        help: { type: "boolean", short: "h" },
      },
    });
  } catch (error) {
    throw new Failure(`${error instanceof Error ? error.message : String(error)}. See --help`);
  }
}
