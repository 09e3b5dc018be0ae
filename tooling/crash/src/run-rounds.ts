import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import type { RecordedEvent } from "@es/core";
import { openSqliteEventStore } from "@es/store-sqlite";
import Database from "better-sqlite3";
import { type Intent, type Journal, type Outcome, readLines, type SeenPage } from "./journal.ts";
import { reconcile } from "./reconcile.ts";

/** What the rounds did, in sum. */
export interface Report {
  readonly rounds: number;
  readonly kills: number;
  readonly acknowledged: number;
  readonly refused: number;
  /** Appends that a kill interrupted and that were repeated: how many had been stored, and how many had not. */
  readonly interrupted: { readonly stored: number; readonly notStored: number };
  readonly events: number;
  readonly problems: readonly string[];
}

/** Options of {@link runRounds}. */
export interface RoundsOptions {
  readonly rounds: number;
  readonly writers?: number;
  /** Longest life of a process after it is ready, in milliseconds. */
  readonly longestLifeMs?: number;
  /** A new file after so many rounds, so that reading it all each round stays quick. */
  readonly roundsPerFile?: number;
  readonly onRound?: (report: Report) => void;
}

/**
 * Rounds of: start writers and live readers on one SQLite file, kill each with SIGKILL at a moment of its own, then compare
 * journals and file. Stops at the first round that does not fit; its directory is then kept.
 */
export async function runRounds(options: RoundsOptions): Promise<Report> {
  const { rounds, writers = 3, longestLifeMs = 350, roundsPerFile = 25, onRound } = options;
  let total: Report = EMPTY;
  for (let done = 0; done < rounds && total.problems.length === 0; done += roundsPerFile) {
    const directory = await mkdtemp(join(tmpdir(), "es-crash-"));
    const before = total;
    for (let round = 0; round < Math.min(roundsPerFile, rounds - done) && total.problems.length === 0; round += 1) {
      await runRound(directory, writers, longestLifeMs);
      const found = await inspect(directory, writers);
      const kills = (round + 1) * (writers + 2);
      total = add(before, { ...found, rounds: round + 1, kills });
      onRound?.(total);
    }
    if (total.problems.length > 0) return { ...total, problems: [...total.problems, `the files are in ${directory}`] };
    await rm(directory, { recursive: true, force: true });
  }
  return total;
}

const EMPTY: Report = {
  rounds: 0,
  kills: 0,
  acknowledged: 0,
  refused: 0,
  interrupted: { stored: 0, notStored: 0 },
  events: 0,
  problems: [],
};

async function runRound(directory: string, writers: number, longestLifeMs: number): Promise<void> {
  const path = join(directory, "events.db");
  const processes = Array.from({ length: writers }, (_, index) =>
    start("./writer.ts", [path, join(directory, `journal-${index}`), `w${index}`]),
  );
  // A reader that may not create the file can only start once a writer has.
  await Promise.race(processes.map(({ isReady }) => isReady));
  processes.push(start("./follower.ts", [path, join(directory, "seen-0"), "read-only"]));
  processes.push(start("./follower.ts", [path, join(directory, "seen-1")]));
  await Promise.all(
    processes.map(async ({ child, isReady, hasEnded }) => {
      // Now and then one is killed while it still opens the file.
      if (Math.random() < 0.8) await isReady;
      await sleep(Math.random() * longestLifeMs);
      child.kill("SIGKILL");
      await hasEnded;
    }),
  );
}

function start(
  script: string,
  args: string[],
): { child: ChildProcess; isReady: Promise<unknown>; hasEnded: Promise<unknown> } {
  const execArgv = ["--conditions=@es/source", "--disable-warning=ExperimentalWarning"];
  const child = fork(fileURLToPath(new URL(script, import.meta.url)), args, {
    execArgv,
    stdio: ["ignore", "inherit", "inherit", "ipc"],
  });
  const hasEnded = once(child, "exit").then(([code, signal]) => {
    // Nobody ends by himself, so an exit that is no kill is an error that was not expected.
    if (signal !== "SIGKILL") throw new Error(`${script} ended with ${code ?? signal}`);
  });
  return { child, isReady: Promise.race([once(child, "message"), hasEnded]), hasEnded };
}

/** Reads file and journals after all processes of a round are dead, and compares them. */
async function inspect(directory: string, writers: number): Promise<Omit<Report, "rounds" | "kills">> {
  const path = join(directory, "events.db");
  const database = new Database(path);
  const integrity = String(database.pragma("integrity_check", { simple: true }));
  database.close();
  const log: RecordedEvent[] = [];
  await using store = await openSqliteEventStore({ path });
  for await (const page of store.readAll({ pageSize: 1_000 })) log.push(...page.events);
  const journals: Journal[] = Array.from({ length: writers }, (_, index) =>
    readLines<Intent | Outcome>(join(directory, `journal-${index}`)),
  );
  const seen = [0, 1].map((index) => readLines<SeenPage>(join(directory, `seen-${index}`)));

  const lines = journals.flat();
  const retries = lines.filter((line) => line.kind === "acknowledged").filter(({ isRetry }) => isRetry);
  const stored = retries.filter(({ duplicate }) => duplicate).length;
  return {
    acknowledged: lines.filter(({ kind }) => kind === "acknowledged").length,
    refused: lines.filter(({ kind }) => kind === "refused").length,
    interrupted: { stored, notStored: retries.length - stored },
    events: log.length,
    problems: reconcile({ log, journals, seen, integrity }),
  };
}

function add(a: Report, b: Report): Report {
  return {
    rounds: a.rounds + b.rounds,
    kills: a.kills + b.kills,
    acknowledged: a.acknowledged + b.acknowledged,
    refused: a.refused + b.refused,
    interrupted: {
      stored: a.interrupted.stored + b.interrupted.stored,
      notStored: a.interrupted.notStored + b.interrupted.notStored,
    },
    events: a.events + b.events,
    problems: [...a.problems, ...b.problems],
  };
}
