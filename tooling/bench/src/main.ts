import { mkdir, readFile, writeFile } from "node:fs/promises";
import { dirname } from "node:path";
import process from "node:process";
import { replaceBlock } from "./generated-block.ts";
import { readOptions, USAGE } from "./options.ts";
import type { BenchReport, FlatReport } from "./report.ts";
import { runBench } from "./run-bench.ts";
import {
  flatText,
  machineText,
  markdownFlat,
  markdownLatency,
  markdownRatios,
  terminalLatency,
  terminalTable,
  unmetText,
} from "./tables.ts";

const args = process.argv.slice(2);
if (args.includes("--help")) console.log(USAGE);
else await main();

async function main(): Promise<void> {
  const options = readOptions(args.filter((arg) => arg !== "--"));
  // The table alone goes to standard output, so that it can be piped.
  const report = await runBench(options, (line) => console.error(line));
  console.log(options.isMarkdown ? markdownOf(report) : textOf(report));
  if (options.json !== undefined) {
    await mkdir(dirname(options.json), { recursive: true });
    await writeFile(options.json, `${JSON.stringify(report, null, 2)}\n`);
  }
  if (options.docs !== undefined) {
    const document = await readFile(options.docs, "utf8");
    const name = options.isFlat ? "flat" : options.isLatency ? "latency" : options.block;
    await writeFile(options.docs, replaceBlock(document, name, `\n${markdownOf(report)}\n`));
  }
  // Ratios depend on the machine's other work; what stays in the heap does not.
  if (report.flat.some(({ isMet }) => !isMet)) process.exitCode = 1;
}

function textOf(report: BenchReport): string {
  const machine = machineText(report.machine);
  if (report.flat.length > 0) return [machine, ...report.flat.flatMap(flatLines)].join("\n");
  if (report.latency.length > 0) return [machine, terminalLatency(report)].join("\n\n");
  return [machine, terminalTable(report), unmetText(report.cases)].join("\n\n");
}

function flatLines(flat: FlatReport): readonly string[] {
  const steps = flat.heapBytes.map((bytes, index) => `${(index + 1) * 10} %: ${bytes} bytes`);
  return [flat.title, ...steps, flatText(flat)];
}

function markdownOf(report: BenchReport): string {
  if (report.flat.length > 0) return markdownFlat(report);
  return report.latency.length > 0 ? markdownLatency(report) : markdownRatios(report);
}
