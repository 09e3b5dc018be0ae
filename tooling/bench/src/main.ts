import { mkdir, readFile, writeFile } from "node:fs/promises";
import { dirname } from "node:path";
import process from "node:process";
import { replaceBlock } from "./generated-block.ts";
import { readOptions, USAGE } from "./options.ts";
import type { BenchReport } from "./report.ts";
import { runBench } from "./run-bench.ts";
import { flatText, machineText, markdownFlat, markdownRatios, terminalTable, unmetText } from "./tables.ts";

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
    const name = report.flat === null ? options.block : "flat";
    await writeFile(options.docs, replaceBlock(document, name, `\n${markdownOf(report)}\n`));
  }
}

function textOf(report: BenchReport): string {
  if (report.flat !== null) {
    const steps = report.flat.heapBytes.map((bytes, index) => `${(index + 1) * 10} %: ${bytes} bytes`);
    return [machineText(report.machine), ...steps, flatText(report.flat)].join("\n");
  }
  return [machineText(report.machine), terminalTable(report), unmetText(report.cases)].join("\n\n");
}

function markdownOf(report: BenchReport): string {
  return report.flat === null ? markdownRatios(report) : markdownFlat(report.flat, report.machine);
}
