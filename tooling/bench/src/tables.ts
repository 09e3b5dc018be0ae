import { countText, millisecondsText, ratioText, verdictText } from "./format-figures.ts";
import type { BenchReport, CaseReport, FlatReport, LatencyReport, MachineFacts } from "./report.ts";

const HEADINGS = [
  "case",
  "ratio (min..max)",
  "target",
  "verdict",
  "toolkit/s",
  "bare/s",
  "p50 ms",
  "bare p50",
  "p99 ms",
  "bare p99",
  "heap B/op",
  "bare heap",
] as const;

const LATENCY_HEADINGS = [
  "from",
  "appends",
  "append p50 ms",
  "p99 ms",
  "bare p50",
  "bare p99",
  "acknowledged p50 ms",
  "p99 ms",
  "bare p50",
  "bare p99",
] as const;

const MIB = 1024 ** 2;

/** The table for a terminal, one block for each backend. */
export function terminalTable(report: BenchReport): string {
  return byBackend(report.cases)
    .map(([backend, cases]) => {
      return `${backend}\n${aligned([[...HEADINGS], ...cases.map(cellsOf)])}`;
    })
    .join("\n\n");
}

function aligned(rows: readonly (readonly string[])[]): string {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  return rows.map((row) => row.map((cell, column) => pad(cell, widths[column] ?? 0, column)).join("  ")).join("\n");
}

/** The ratios as Markdown, with the facts of the machine. */
export function markdownRatios(report: BenchReport): string {
  const tables = byBackend(report.cases).map(([backend, cases]) =>
    [`### ${backend}`, "", ...markdownTable([[...HEADINGS], ...cases.map(cellsOf)])].join("\n"),
  );
  return [
    `${machineText(report.machine)} ${report.rounds} rounds, ${report.startedAt.slice(0, 10)}.`,
    ...tables,
    `${unmetText(report.cases)}`,
  ].join("\n\n");
}

/** The replays as Markdown. */
export function markdownFlat({ flat, machine }: BenchReport): string {
  const steps = Array.from({ length: 10 }, (_, step) => [
    `${(step + 1) * 10} %`,
    ...flat.map(({ heapBytes }) => ((heapBytes[step] ?? Number.NaN) / MIB).toFixed(2)),
  ]);
  return [
    machineText(machine),
    markdownTable([["live heap MiB behind", ...flat.map(({ title }) => title)], ...steps]).join("\n"),
    flat.map((one) => `- ${flatText(one)}`).join("\n"),
  ].join("\n\n");
}

/** One line: how flat the heap was. */
export function flatText(flat: FlatReport): string {
  const perSecond = countText((flat.events / flat.elapsedMs) * 1_000);
  const deviation = `${(flat.largestDeviation * 100).toFixed(1)} %`;
  return `${flat.title}: ${flat.events.toLocaleString("en")} events at ${perSecond} events/s; live heap at most ${deviation} from the first tenth (target ±${flat.target * 100} %: ${verdictText(flat.isMet)}).`;
}

/** The latencies as Markdown. */
export function markdownLatency({ latency, machine }: BenchReport): string {
  return [machineText(machine), markdownTable([LATENCY_HEADINGS, ...latency.map(latencyCells)]).join("\n")].join(
    "\n\n",
  );
}

/** The latencies for a terminal. */
export function terminalLatency({ latency }: BenchReport): string {
  return aligned([LATENCY_HEADINGS, ...latency.map(latencyCells)]);
}

function latencyCells({ title, appends, toolkit, bare }: LatencyReport): readonly string[] {
  const sides = [toolkit.fromAppend, bare?.fromAppend, toolkit.fromAcknowledgement, bare?.fromAcknowledgement];
  const figures = sides.flatMap((side) =>
    side === undefined ? ["–", "–"] : [millisecondsText(side.p50Ms), millisecondsText(side.p99Ms)],
  );
  return [title, countText(appends), ...figures];
}

/** One line: which targets were missed. */
export function unmetText(cases: readonly CaseReport[]): string {
  const targets = cases.flatMap(({ id, ratio, targets }) => targets.map((target) => ({ id, ratio, ...target })));
  const unmet = targets.filter(({ isMet }) => !isMet);
  const names = unmet.map(({ id, text, ratio }) => `${id} (${text}; ratio ${ratio.median.toFixed(2)})`);
  return `Targets met: ${targets.length - unmet.length} of ${targets.length}.${names.length === 0 ? "" : ` NOT met: ${names.join(", ")}.`}`;
}

/** What the figures depend on, in a sentence. */
export function machineText(machine: MachineFacts): string {
  return [
    `${machine.cores} cores (${machine.cpu}), ${machine.memoryGiB} GiB, ${machine.platform}, ${machine.fileSystem};`,
    `${[`Node ${machine.node}`, `SQLite ${machine.sqlite}`, ...machine.servers].join(", ")};`,
    `fsync p50 ${millisecondsText(machine.fsyncP50Ms)} ms, p99 ${millisecondsText(machine.fsyncP99Ms)} ms;`,
    `load average ${machine.loadAverage.toFixed(2)} at the start.`,
  ].join(" ");
}

function cellsOf(measured: CaseReport): readonly string[] {
  const { toolkit, bare } = measured;
  return [
    measured.title,
    ratioText(measured.ratio),
    measured.targets.length === 0 ? "–" : measured.targets.map(({ text }) => text).join(", "),
    measured.targets.length === 0 ? "–" : measured.targets.map(({ isMet }) => verdictText(isMet)).join(", "),
    countText(toolkit.operationsPerSecond.median),
    countText(bare.operationsPerSecond.median),
    millisecondsText(toolkit.p50Ms),
    millisecondsText(bare.p50Ms),
    millisecondsText(toolkit.p99Ms),
    millisecondsText(bare.p99Ms),
    countText(toolkit.heapBytesPerOperation.median),
    countText(bare.heapBytesPerOperation.median),
  ];
}

function markdownTable([head, ...body]: readonly [readonly string[], ...(readonly string[])[]]): readonly string[] {
  const rule = head.map((_, column) => (column === 0 ? "---" : "---:"));
  return [head, rule, ...body].map((row) => `| ${row.join(" | ")} |`);
}

function byBackend(cases: readonly CaseReport[]): readonly (readonly [string, readonly CaseReport[]])[] {
  return [...Map.groupBy(cases, ({ backend }) => backend)];
}

function pad(cell: string, width: number, column: number): string {
  return column === 0 ? cell.padEnd(width) : cell.padStart(width);
}
