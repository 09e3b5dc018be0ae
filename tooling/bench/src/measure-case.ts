import { mkdtemp, rm } from "node:fs/promises";
import { join } from "node:path";
import type { Backend, RunningBackend, Side } from "./backend.ts";
import type { BenchCase, WorkSize } from "./bench-case.ts";
import { liveHeapBytes } from "./collect-garbage.ts";
import { judge } from "./judge.ts";
import type { CaseReport, SideReport } from "./report.ts";
import { type CallTimes, runCallers } from "./run-callers.ts";
import { percentile, spreadOf } from "./statistics.ts";
import type { Subject } from "./subject.ts";

/** How long and how often to measure. */
export interface Effort {
  /** Rounds that count; the one before them is thrown away. */
  readonly rounds: number;
  /** How long the slower side should take for its part of a round. */
  readonly sliceMs: number;
}

interface Measured extends CallTimes {
  /** Growth of live objects over the run. */
  readonly heapBytes: number;
}

interface Round {
  readonly toolkit: Measured;
  readonly bare: Measured;
}

/** A side with files of its own. */
interface OpenSide {
  readonly subject: Subject;
  close(): Promise<void>;
}

/** A backend that runs, and where its files may go. */
export interface Bench {
  readonly backend: Backend;
  readonly running: RunningBackend;
  readonly directory: string;
}

/** Measures one case on one backend: both sides in every round, in alternating order, with the same number of operations. */
export async function measureCase(bench: Bench, benchCase: BenchCase, effort: Effort): Promise<CaseReport> {
  const { backend } = bench;
  const open = (side: Side): Promise<OpenSide> => openSide(bench, benchCase, side);
  const turns = Math.min(
    await chooseTurns(backend, benchCase, effort, () => open("bare")),
    await chooseTurns(backend, benchCase, effort, () => open("toolkit")),
  );
  const rounds = benchCase.isWriting
    ? await measureRounds(backend, benchCase, effort, turns, open)
    : await measureOnSeeded(backend, benchCase, effort, turns, open);
  return report(backend, benchCase, turns * benchCase.callers, rounds);
}

/** Reads leave the store as it is, so each side is filled once. */
async function measureOnSeeded(
  backend: Backend,
  benchCase: BenchCase,
  effort: Effort,
  turns: number,
  open: (side: Side) => Promise<OpenSide>,
): Promise<readonly Round[]> {
  const sides = { toolkit: await open("toolkit"), bare: await open("bare") };
  try {
    const keepOpen = async (side: Side): Promise<OpenSide> => ({
      subject: sides[side].subject,
      close: async () => undefined,
    });
    return await measureRounds(backend, benchCase, effort, turns, keepOpen);
  } finally {
    await sides.toolkit.close();
    await sides.bare.close();
  }
}

async function measureRounds(
  backend: Backend,
  benchCase: BenchCase,
  effort: Effort,
  turns: number,
  open: (side: Side) => Promise<OpenSide>,
): Promise<readonly Round[]> {
  const measure = (side: Side): Promise<Measured> => measureSide(backend, benchCase, turns, () => open(side));
  const rounds: Round[] = [];
  for (let number = 0; number <= effort.rounds; number += 1) {
    let round: Round;
    if (number % 2 === 0) {
      const toolkit = await measure("toolkit");
      round = { toolkit, bare: await measure("bare") };
    } else {
      const bare = await measure("bare");
      round = { toolkit: await measure("toolkit"), bare };
    }
    // The first one compiled the code and warmed the caches.
    if (number > 0) rounds.push(round);
  }
  return rounds;
}

async function measureSide(
  backend: Backend,
  benchCase: BenchCase,
  turns: number,
  open: () => Promise<OpenSide>,
): Promise<Measured> {
  const side = await open();
  try {
    const { callers } = benchCase;
    const { timeEvery } = backend;
    // One read that is as long as a round is warm from the round that is thrown away.
    const isWarm = turns === 1 && !benchCase.isWriting;
    const warmUps: readonly WorkSize[] = isWarm ? [] : [{ callers, turns: Math.ceil(turns / 20), run: "warm" }];
    for (const warmUp of warmUps) {
      await runCallers({ ...warmUp, timeEvery }, benchCase.prepare(side.subject, warmUp));
    }
    const size: WorkSize = { callers, turns, run: "run" };
    const operation = benchCase.prepare(side.subject, size);
    const held = [operation];
    const before = liveHeapBytes();
    const times = await runCallers({ ...size, timeEvery }, operation);
    const heapBytes = liveHeapBytes() - before;
    // Only now may the prepared input go: its end is no part of the growth.
    held.length = 0;
    await benchCase.verify(side.subject, [...warmUps, size]);
    return { ...times, heapBytes };
  } finally {
    await side.close();
  }
}

/** The turns of each caller for which a side needs one slice, found by doubling. */
async function chooseTurns(
  backend: Backend,
  benchCase: BenchCase,
  effort: Effort,
  open: () => Promise<OpenSide>,
): Promise<number> {
  const { callers } = benchCase;
  const eventsWritten = benchCase.isWriting ? benchCase.eventsPerOperation : 1;
  const most = Math.max(1, Math.floor(backend.maxPerSlice / callers / eventsWritten));
  const side = await open();
  try {
    for (let turns = 1; ; turns = Math.min(turns * 2, most)) {
      const size: WorkSize = { callers, turns, run: `calibrate-${turns}` };
      const plan = { ...size, timeEvery: backend.timeEvery };
      const { elapsedMs } = await runCallers(plan, benchCase.prepare(side.subject, size));
      if (elapsedMs >= effort.sliceMs / 4 || turns >= most) {
        return Math.min(most, Math.max(1, Math.round((turns * effort.sliceMs) / elapsedMs)));
      }
    }
  } finally {
    await side.close();
  }
}

async function openSide({ backend, running, directory }: Bench, benchCase: BenchCase, side: Side): Promise<OpenSide> {
  const files = await mkdtemp(join(directory, `${backend.id}-${side}-`));
  const subject = await running.open(side, files);
  await benchCase.seed?.(subject);
  return {
    subject,
    async close() {
      await subject[Symbol.asyncDispose]();
      await rm(files, { recursive: true, force: true });
    },
  };
}

function report(backend: Backend, benchCase: BenchCase, operations: number, rounds: readonly Round[]): CaseReport {
  const ratios = rounds.map(({ toolkit, bare }) => bare.elapsedMs / toolkit.elapsedMs);
  const ratio = spreadOf(ratios);
  const sideReport = (side: Side): SideReport => {
    const measured = rounds.map((round) => round[side]);
    const latenciesMs = measured.flatMap(({ latenciesMs }) => [...latenciesMs]);
    return {
      operationsPerSecond: spreadOf(measured.map(({ elapsedMs }) => (operations / elapsedMs) * 1_000)),
      p50Ms: percentile(latenciesMs, 50),
      p99Ms: percentile(latenciesMs, 99),
      heapBytesPerOperation: spreadOf(measured.map(({ heapBytes }) => heapBytes / operations)),
    };
  };
  const toolkit = sideReport("toolkit");
  const bare = sideReport("bare");
  return {
    id: `${backend.id}/${benchCase.id}`,
    backend: backend.title,
    title: benchCase.title,
    callers: benchCase.callers,
    eventsPerOperation: benchCase.eventsPerOperation,
    operationsPerRound: operations,
    ratios,
    ratio,
    targets: judge(benchCase.targets[backend.id], { ratio: ratio.median, toolkit, bare }),
    toolkit,
    bare,
  };
}
