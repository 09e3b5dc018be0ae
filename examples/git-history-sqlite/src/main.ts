import { statSync } from "node:fs";
import { isEventSourcingError } from "@es/core";
import { createProjectionRunner } from "@es/projections";
import { openSqliteEventStore } from "@es/store-sqlite";
import { type Arguments, defaultDatabase, HELP, parseArguments } from "./arguments.ts";
import { Failure } from "./failure.ts";
import { viewFile } from "./file-view.ts";
import { deleteDatabase } from "./fresh-database.ts";
import { openRepository } from "./git.ts";
import { loadProgress } from "./import-progress.ts";
import { Importer } from "./importer.ts";
import { MemorySamples } from "./memory-samples.ts";
import { ProgressBar } from "./progress-bar.ts";
import { READ_MODEL_SQL, readModel, readReport } from "./read-model.ts";
import { compareTotals, countWithGit } from "./reconcile.ts";
import { count, LIMITS, textOf } from "./report.ts";

/** How long the report may take to catch up with the import. */
const REPORT_LIMIT_MS = 3_600_000;

/** Imports what is new, then reports, and reconciles with git. Returns the exit code. */
async function run(args: Arguments): Promise<number> {
  const git = openRepository(args.repository);
  const path = args.database ?? defaultDatabase(git.text("rev-parse", "--absolute-git-dir"));
  if (args.isFresh) await deleteDatabase(path);
  await using store = await openSqliteEventStore({ path });

  await store.transaction(async (tx) => void tx.exec(READ_MODEL_SQL));

  const memory = new MemorySamples();
  memory.take();
  const start = performance.now();
  let bar: ProgressBar | undefined;
  // The read model follows while the import runs, with its tables and its checkpoint in the same database.
  await using runner = createProjectionRunner(readModel, {
    store,
    sink: store,
    pageSize: 1_000,
    onReport: (report) => {
      if (report.kind === "progress") bar?.counted(report.events);
    },
  });
  await runner.start();
  // What an earlier run stored and did not count. Nothing is counted meanwhile, so that the bar is exact.
  await runner.pause();
  const progress = new ProgressBar(args.hasProgress, (await runner.lag()).events);
  bar = progress;
  runner.resume();
  onInterrupt(() => progress.end());
  const importer = new Importer(store, git, (status) => {
    memory.take();
    progress.imported(status);
  });
  const imported = await importer.run().finally(() => progress.clear());
  const seconds = (performance.now() - start) / 1000;
  const rate = imported.changes === 0 ? "" : `, ${count(Math.round(imported.changes / seconds))} events/s`;
  print(
    `${count(imported.commits)} new commits with ${count(imported.changes)} file changes imported in ${seconds.toFixed(1)} s${rate}`,
  );
  if (imported.changes > 0) print(String(memory));

  if (args.file !== undefined) {
    progress.end();
    print(`\n${await viewFile(store, args.file, args.at)}`);
    return 0;
  }

  await runner.waitFor(await store.head(), { timeoutMs: REPORT_LIMIT_MS }).finally(() => progress.end());
  const { base } = (await loadProgress(store)).progress;
  const report = await store.transaction(async (tx) => readReport(tx, LIMITS));
  print(
    `${count(report.files)} files, ${count(report.renames)} renames, ${count(report.authors)} authors; ${path} has ${count(Math.ceil(sizeOf(path) / 1024))} kB\n`,
  );
  print(textOf(report));
  // The head may have moved on since; what counts is what was imported.
  const fromGit = await countWithGit(git, base ?? "HEAD");
  const { isEqual, lines } = compareTotals(report.total, fromGit);
  print(
    `\n${isEqual ? "Reconciled: the events say what git log --numstat says" : "NOT RECONCILED: events and git log --numstat differ"}`,
  );
  print(lines.join("\n"));
  return isEqual ? 0 : 1;
}

/** Ctrl-C ends the program at once, as a crash would: what a batch stored is whole, and the next run goes on from there. */
function onInterrupt(cleanUp: () => void): void {
  process.once("SIGINT", () => {
    cleanUp();
    process.stderr.write("interrupted; the next run goes on from here\n");
    process.exit(130);
  });
}

/** Bytes of the database, with what still stands in its write-ahead log. */
function sizeOf(path: string): number {
  return [path, `${path}-wal`].reduce((sum, file) => sum + (statSync(file, { throwIfNoEntry: false })?.size ?? 0), 0);
}

function print(text: string): void {
  process.stdout.write(`${text}\n`);
}

// The reader may leave, as `head` does.
process.stdout.on("error", (error: NodeJS.ErrnoException) => {
  if (error.code !== "EPIPE") throw error;
  process.exit(1);
});

try {
  // pnpm runs scripts in the folder of the workspace; the caller's own is in INIT_CWD.
  const args = parseArguments(process.argv.slice(2), process.env["INIT_CWD"] ?? process.cwd());
  if (args === undefined) print(HELP);
  else process.exitCode = await run(args);
} catch (error) {
  if (!(error instanceof Failure) && !isEventSourcingError(error)) throw error;
  process.stderr.write(`${error.message}\n`);
  process.exitCode = 2;
}
