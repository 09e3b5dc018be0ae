import { isEventSourcingError } from "@es/core";
import { type Arguments, HELP, parseArguments } from "./arguments.ts";
import { findDatabase, openBankStore } from "./database.ts";
import { Failure } from "./failure.ts";
import { readLedger } from "./ledger.ts";
import { ProgressLine } from "./progress-line.ts";
import { reconcile } from "./reconcile.ts";
import { count, money, table } from "./report.ts";
import { runWorkload, type Worked } from "./workload.ts";

const MOST_PROBLEMS = 10;

/** Moves money, reports, and reconciles. Returns the exit code. */
async function run({ url, workload }: Arguments): Promise<number> {
  await using database = await findDatabase(url);
  await using store = await openBankStore(database.url);
  print(
    `${count(workload.accounts)} accounts, ${count(workload.workers)} workers, ${count(workload.seconds)} s, ${database.description}\n`,
  );
  const worked = await work();
  const ledger = await readLedger(store);
  const { balances, cash, transfers, problems } = reconcile(ledger, worked.tally.acknowledged);
  print(table(summaryOf(worked, ledger.balances.size, balances)));
  print(problems.length === 0 ? "\nReconciled: no money was lost or made" : "\nNOT RECONCILED");
  print(
    table([
      ["events in the log", count(ledger.events)],
      ["transfers with both halves, once", count(transfers)],
      ["deposited and not withdrawn", money(cash)],
      ["sum of all balances", money(balances)],
    ]),
  );
  for (const problem of problems.slice(0, MOST_PROBLEMS)) print(`  wrong: ${problem}`);
  if (problems.length > MOST_PROBLEMS) print(`  and ${count(problems.length - MOST_PROBLEMS)} more`);
  return problems.length === 0 ? 0 : 1;

  async function work(): Promise<Worked> {
    using line = new ProgressLine();
    return await runWorkload(store, workload, (tally) => line.start(tally, workload.seconds));
  }
}

function summaryOf(
  { tally, seconds }: Worked,
  accounts: number,
  balance: number,
): readonly (readonly [string, string])[] {
  return [
    ["accounts", count(accounts)],
    ["balance", money(balance)],
    ["transfers made", count(tally.transfers)],
    ["transfers refused", count(tally.refused)],
    ["transfers given up", count(tally.givenUp)],
    ["conflicts retried", count(tally.conflicts)],
    ["transfers/s", count(Math.round(tally.transfers / seconds))],
  ];
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
  const args = parseArguments(process.argv.slice(2), process.env["POSTGRES_URL"]);
  if (args === undefined) print(HELP);
  else process.exitCode = await run(args);
} catch (error) {
  if (!(error instanceof Failure) && !isEventSourcingError(error)) throw error;
  process.stderr.write(`${error.message}\n`);
  process.exitCode = 2;
}
