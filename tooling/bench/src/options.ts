import { parseArgs } from "node:util";

/** What the command line asks for. */
export interface BenchOptions {
  readonly rounds: number;
  readonly sliceMs: number;
  /** Only cases whose id this regular expression matches. */
  readonly only: string;
  readonly isControl: boolean;
  readonly isFlat: boolean;
  readonly isLatency: boolean;
  /** Appends of each side, where their latency is measured. */
  readonly appends: number;
  readonly flatEvents: number;
  readonly isMarkdown: boolean;
  /** Write the report as JSON here. */
  readonly json: string | undefined;
  /** Replace the generated part of this Markdown file. */
  readonly docs: string | undefined;
  /** Which of its parts, where the ratios go. */
  readonly block: string;
  /** Where the databases go, instead of the system's temporary directory. */
  readonly directory: string | undefined;
}

export const USAGE = `usage: bench [options]
  --only PATTERN  only cases whose id matches, such as sqlite-full/append
  --rounds N      rounds that count (7)
  --quick         2 short rounds: to see that it works, not to quote
  --control       compare bare with bare: how far from 1.00 noise alone gets
  --flat          replay 1,000,000 events and report the heap, read and projected, instead of the ratios
  --events N      replay N events instead
  --latency       time from an append until a live projection has handled it, instead of the ratios
  --appends N     appends of each side (500)
  --json FILE     write the report as JSON
  --markdown      print Markdown
  --docs FILE     write the Markdown between the markers in FILE
  --block NAME    which markers, for ratios (ratios)
  --dir DIR       put the databases here; must be on a real disk`;

/** @throws Error for unknown options and for counts that are none */
export function readOptions(args: readonly string[]): BenchOptions {
  const { values } = parseArgs({
    args: [...args],
    options: {
      only: { type: "string", default: "" },
      rounds: { type: "string" },
      quick: { type: "boolean", default: false },
      control: { type: "boolean", default: false },
      flat: { type: "boolean", default: false },
      latency: { type: "boolean", default: false },
      appends: { type: "string" },
      events: { type: "string", default: "1000000" },
      json: { type: "string" },
      markdown: { type: "boolean", default: false },
      docs: { type: "string" },
      block: { type: "string", default: "ratios" },
      dir: { type: "string" },
    },
  });
  return {
    rounds: count("--rounds", values.rounds ?? (values.quick ? "2" : "7")),
    sliceMs: values.quick ? 20 : 300,
    only: values.only,
    isControl: values.control,
    isFlat: values.flat,
    isLatency: values.latency,
    appends: count("--appends", values.appends ?? (values.quick ? "50" : "500")),
    flatEvents: count("--events", values.events),
    isMarkdown: values.markdown,
    json: values.json,
    docs: values.docs,
    block: values.block,
    directory: values.dir,
  };
}

function count(name: string, text: string): number {
  const number = Number(text);
  if (!Number.isSafeInteger(number) || number < 1) throw new Error(`${name} ${text}: give a whole number from 1`);
  return number;
}
