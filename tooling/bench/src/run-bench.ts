import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { APPEND_CASES } from "./append-cases.ts";
import { type Backend, BACKENDS } from "./backend.ts";
import { machineFacts, isInMemory } from "./machine-facts.ts";
import { measureCase } from "./measure-case.ts";
import { measureFlatness } from "./measure-flatness.ts";
import type { BenchOptions } from "./options.ts";
import { READ_CASES } from "./read-cases.ts";
import { REGISTER_CASES } from "./register-cases.ts";
import type { BenchReport, CaseReport } from "./report.ts";

const CASES = [...APPEND_CASES, ...READ_CASES, ...REGISTER_CASES];

/** Runs what the options ask for. `onProgress` hears of each case before it is measured. */
export async function runBench(options: BenchOptions, onProgress: (line: string) => void): Promise<BenchReport> {
  const parent = options.directory ?? tmpdir();
  if (isInMemory(parent)) throw new Error(`${parent} is memory, not a disk; name a directory on a disk with --dir`);
  const directory = await mkdtemp(join(parent, "es-bench-"));
  try {
    const startedAt = new Date().toISOString();
    const machine = machineFacts(directory);
    const flat = options.isFlat ? await measureFlatness(options.flatEvents, directory) : null;
    const cases = options.isFlat ? [] : await measureCases(options, directory, onProgress);
    return { format: 1, startedAt, rounds: options.rounds, machine, cases, flat };
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

async function measureCases(
  options: BenchOptions,
  directory: string,
  onProgress: (line: string) => void,
): Promise<CaseReport[]> {
  const pattern = new RegExp(options.only);
  const chosen = BACKENDS.flatMap((backend) =>
    CASES.map((benchCase) => ({ backend, benchCase, id: `${backend.id}/${benchCase.id}` })),
  ).filter(({ id }) => pattern.test(id));
  if (chosen.length === 0) throw new Error(`no case has an id like ${pattern}`);
  const reports: CaseReport[] = [];
  for (const { backend, benchCase, id } of chosen) {
    onProgress(id);
    reports.push(await measureCase(options.isControl ? bareOnly(backend) : backend, benchCase, options, directory));
  }
  return reports;
}

/** Compares bare with bare: what comes out besides 1.00 is noise. */
function bareOnly(backend: Backend): Backend {
  return { ...backend, open: (_side, directory) => backend.open("bare", directory) };
}
