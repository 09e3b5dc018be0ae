import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { APPEND_CASES } from "./append-cases.ts";
import type { RunningBackend } from "./backend.ts";
import { BACKENDS } from "./backends.ts";
import { COMMIT_CASES } from "./commit-cases.ts";
import { FOLD_CASES } from "./fold-cases.ts";
import { machineFacts, isInMemory } from "./machine-facts.ts";
import { measureCase } from "./measure-case.ts";
import { measureFlatness } from "./measure-flatness.ts";
import { measureLatency } from "./measure-latency.ts";
import type { BenchOptions } from "./options.ts";
import { READ_CASES } from "./read-cases.ts";
import { REGISTER_CASES } from "./register-cases.ts";
import type { BenchReport, CaseReport } from "./report.ts";

const CASES = [...APPEND_CASES, ...READ_CASES, ...FOLD_CASES, ...REGISTER_CASES, ...COMMIT_CASES];

/** Runs what the options ask for. `onProgress` hears of each case before it is measured. */
export async function runBench(options: BenchOptions, onProgress: (line: string) => void): Promise<BenchReport> {
  const parent = options.directory ?? tmpdir();
  if (isInMemory(parent)) throw new Error(`${parent} is memory, not a disk; name a directory on a disk with --dir`);
  const directory = await mkdtemp(join(parent, "es-bench-"));
  try {
    const startedAt = new Date().toISOString();
    const machine = machineFacts(directory);
    const facts = { format: 3 as const, startedAt, rounds: options.rounds };
    const nothing = { servers: [], cases: [], flat: [], latency: [] };
    const plan = { ...options, only: new RegExp(options.only), directory };
    let found: Pick<BenchReport, "cases" | "flat" | "latency"> & { readonly servers: string[] };
    if (options.isFlat)
      found = { ...nothing, ...(await measureFlatness({ ...plan, events: options.flatEvents }, onProgress)) };
    else if (options.isLatency) found = { ...nothing, ...(await measureLatency(plan, onProgress)) };
    else found = { ...nothing, ...(await measureCases(options, directory, onProgress)) };
    const { servers, ...measured } = found;
    return { ...facts, machine: { ...machine, servers }, ...measured };
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

async function measureCases(
  options: BenchOptions,
  directory: string,
  onProgress: (line: string) => void,
): Promise<{ readonly servers: string[]; readonly cases: CaseReport[] }> {
  const pattern = new RegExp(options.only);
  const chosen = BACKENDS.map((backend) => ({
    backend,
    cases: CASES.filter(
      ({ id, only }) =>
        (only?.includes(backend.id) ?? true) &&
        (backend.cases?.test(id) ?? true) &&
        pattern.test(`${backend.id}/${id}`),
    ),
  })).filter(({ cases }) => cases.length > 0);
  if (chosen.length === 0) throw new Error(`no case has an id like ${pattern}`);
  const servers = new Set<string>();
  const reports: CaseReport[] = [];
  for (const { backend, cases } of chosen) {
    await using started = await backend.start();
    if (started.server !== null) servers.add(started.server);
    const running = options.isControl ? bareOnly(started) : started;
    for (const benchCase of cases) {
      onProgress(`${backend.id}/${benchCase.id}`);
      reports.push(await measureCase({ backend, running, directory }, benchCase, options));
    }
  }
  return { servers: [...servers], cases: reports };
}

/** Compares bare with bare: what comes out besides 1.00 is noise. */
function bareOnly(running: RunningBackend): RunningBackend {
  return { ...running, open: (_side, directory) => running.open("bare", directory) };
}
