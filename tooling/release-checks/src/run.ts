import { spawnSync } from "node:child_process";

/** Options of {@link run}. */
export interface RunOptions {
  readonly cwd: string;
  readonly env?: NodeJS.ProcessEnv;
}

/** Runs a command to its end and returns what it printed. @throws Error with its output when it fails */
export function run(command: string, args: readonly string[], { cwd, env = process.env }: RunOptions): string {
  const result = spawnSync(command, args, { cwd, env, encoding: "utf8", maxBuffer: 64 * 1024 * 1024 });
  if (result.error !== undefined) throw result.error;
  if (result.status !== 0) {
    throw new Error(`${command} ${args.join(" ")} ended with ${result.status}\n${result.stdout}\n${result.stderr}`);
  }
  return result.stdout;
}
