import { type ChildProcess, spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

/** A running child process and what it has said so far. */
export interface Child {
  readonly process: ChildProcess;
  /** Its JSON lines. */
  readonly lines: unknown[];
  /** Resolves with all lines when the child has ended well, or was killed. */
  readonly done: Promise<readonly unknown[]>;
}

/** Starts one of the scripts in this directory with Node, on the sources. */
export function startChild(script: string, args: unknown): Child {
  const path = fileURLToPath(new URL(script, import.meta.url));
  const node = ["--conditions=@es/source", "--disable-warning=ExperimentalWarning", path, JSON.stringify(args)];
  const child = spawn(process.execPath, node, { stdio: ["pipe", "pipe", "pipe"] });
  const lines: unknown[] = [];
  let errors = "";
  createInterface({ input: child.stdout }).on("line", (line) => lines.push(JSON.parse(line)));
  child.stderr.on("data", (text) => {
    errors += String(text);
  });
  const done = new Promise<readonly unknown[]>((resolve, reject) => {
    child.on("close", (code, signal) => {
      if (code === 0 || signal === "SIGKILL") resolve(lines);
      else reject(new Error(`${script} ended with ${code ?? signal}: ${errors}`));
    });
  });
  return { process: child, lines, done };
}
