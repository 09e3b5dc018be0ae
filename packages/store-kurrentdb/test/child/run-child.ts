import { type ChildProcess, spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

/** A running child process and what it has said so far. */
export interface Child {
  readonly process: ChildProcess;
  /** Its JSON lines. */
  readonly lines: readonly unknown[];
  /** Resolves once what it has said is enough. */
  until(isEnough: () => boolean): Promise<void>;
  /** Resolves when the child has ended well. */
  readonly done: Promise<void>;
}

/** Starts one of the scripts in this directory with Node, on the sources. */
export function startChild(script: string, args: unknown): Child {
  const path = fileURLToPath(new URL(script, import.meta.url));
  const flags = ["--conditions=@es/source", "--disable-warning=ExperimentalWarning"];
  const child = spawn(process.execPath, [...flags, path, JSON.stringify(args)], { stdio: ["ignore", "pipe", "pipe"] });
  const lines: unknown[] = [];
  let errors = "";
  let onLine = (): void => undefined;
  createInterface({ input: child.stdout }).on("line", (line) => {
    lines.push(JSON.parse(line));
    onLine();
  });
  child.stderr.on("data", (text) => {
    errors += String(text);
  });
  const done = new Promise<void>((resolve, reject) => {
    child.on("close", (code, signal) => {
      if (code === 0) resolve();
      else reject(new Error(`${script} ended with ${code ?? signal}: ${errors}`));
    });
  });
  const until = async (isEnough: () => boolean): Promise<void> => {
    const enough = new Promise<void>((resolve) => {
      onLine = () => {
        if (isEnough()) resolve();
      };
    });
    await Promise.race([enough, done]);
  };
  return { process: child, lines, until, done };
}
