// The long form of the crash test: node --conditions=@es/source tooling/crash/src/main.ts --rounds 500
import { parseArgs } from "node:util";
import { runRounds } from "./run-rounds.ts";

const { values } = parseArgs({ options: { rounds: { type: "string", default: "100" } } });
const rounds = Number(values.rounds);
if (!Number.isInteger(rounds) || rounds < 1)
  throw new Error(`--rounds is ${values.rounds}; it must be a whole number from 1`);

const report = await runRounds({
  rounds,
  onRound: ({ rounds: done, events, interrupted, problems }) => {
    if (done % 10 === 0 || problems.length > 0) {
      process.stdout.write(
        `round ${done}: ${events} events, ${interrupted.stored + interrupted.notStored} appends interrupted and repeated\n`,
      );
    }
  },
});
const { problems, ...sums } = report;
process.stdout.write(
  `${JSON.stringify(sums)}\n${problems.length === 0 ? "nothing lost, nothing doubled, nothing torn" : problems.join("\n")}\n`,
);
process.exitCode = problems.length === 0 ? 0 : 1;
