import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import type { Personality } from "./kurrent-double.ts";

/** Options of a double in a process of its own. */
export interface DoubleProcessOptions {
  /** Keeps the log, so that `start` after `kill` finds it. @defaultValue in memory, lost with the process */
  readonly file?: string;
  /** @defaultValue "current" */
  readonly personality?: Personality;
  /** Ends the wait for its start. */
  readonly signal?: AbortSignal;
}

/** A double that can be killed. It does not misbehave otherwise. It ends with this process at the latest. */
export interface KurrentDoubleProcess {
  readonly connectionString: string;
  readonly pid: number | undefined;
  /** SIGKILL; returns when the process is gone. */
  kill(): Promise<void>;
  /** Starts it again after `kill`, on the same port. */
  start(): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}

const MAIN = fileURLToPath(new URL("main.ts", import.meta.url));
// Starting takes half a second; this is for a machine under load.
const START_LIMIT_MS = 20_000;

/** Starts a double in a process of its own. */
export async function startKurrentDoubleProcess(options: DoubleProcessOptions = {}): Promise<KurrentDoubleProcess> {
  const { file, personality = "current", signal } = options;
  const args = ["--personality", personality, ...(file === undefined ? [] : ["--file", file])];
  let running = await launch(args, signal);
  const { connectionString } = running;
  const port = new URL(connectionString).port;

  async function kill(): Promise<void> {
    const { child } = running;
    if (child.exitCode !== null || child.signalCode !== null) return;
    const gone = once(child, "exit");
    child.kill("SIGKILL");
    await gone;
  }

  return {
    connectionString,
    get pid() {
      return running.child.pid;
    },
    kill,
    async start() {
      await kill();
      running = await launch([...args, "--port", port], signal);
    },
    [Symbol.asyncDispose]: kill,
  };
}

interface Running {
  readonly child: ChildProcess;
  readonly connectionString: string;
}

async function launch(args: readonly string[], signal: AbortSignal | undefined): Promise<Running> {
  const child = spawn(process.execPath, ["--disable-warning=ExperimentalWarning", MAIN, ...args], {
    stdio: ["pipe", "pipe", "pipe"],
  });
  const limit = AbortSignal.timeout(START_LIMIT_MS);
  const stop = signal === undefined ? limit : AbortSignal.any([signal, limit]);
  try {
    return { child, connectionString: await firstLine(child, stop) };
  } catch (error) {
    child.kill("SIGKILL");
    throw error;
  }
}

async function firstLine(child: ChildProcess, signal: AbortSignal): Promise<string> {
  let output = "";
  let errors = "";
  child.stderr?.on("data", (chunk) => {
    errors += String(chunk);
  });
  child.stdout?.on("data", (chunk) => {
    output += String(chunk);
    if (output.includes("\n")) child.emit("ready");
  });
  const exited = once(child, "exit", { signal }).then(() => false);
  const isReady = await Promise.race([once(child, "ready", { signal }).then(() => true), exited]);
  // Nobody waits for the other one any more; it ends with the process, or with the limit.
  exited.catch(() => {});
  if (!isReady) throw new Error(`the double ended before it was ready: ${errors}`);
  return output.slice(0, output.indexOf("\n"));
}
