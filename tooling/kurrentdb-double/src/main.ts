// A double in a process of its own, which ends with its standard input: with the process that started it, whatever happens.
// node src/main.ts [--personality current|26.2|24.10] [--port <port>] [--file <log>]
import { parseArgs } from "node:util";
import { type Personality, startKurrentDouble } from "./kurrent-double.ts";

const { values } = parseArgs({
  options: {
    personality: { type: "string", default: "current" },
    port: { type: "string" },
    file: { type: "string" },
  },
});

const double = await startKurrentDouble({
  personality: toPersonality(values.personality),
  ...(values.port !== undefined && { port: Number(values.port) }),
  ...(values.file !== undefined && { file: values.file }),
});
process.stdout.write(`${double.connectionString}\n`);
process.stdin.on("close", () => process.exit());
process.stdin.resume();

function toPersonality(text: string): Personality {
  if (text === "current" || text === "26.2" || text === "24.10") return text;
  throw new Error(`there is no personality "${text}": take "current", "26.2" or "24.10"`);
}
