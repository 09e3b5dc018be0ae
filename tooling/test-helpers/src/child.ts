import { type ChildProcess, spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

/** How a child process is started. */
export interface ChildOptions {
  /** Words of the shell in front of the command, such as a limit that holds for the child. */
  readonly shell?: string;
}

/** A running child process and what it has said so far. */
export class Child<Line = unknown> implements AsyncDisposable {
  readonly process: ChildProcess;
  /** Its JSON lines. */
  readonly lines: Line[] = [];
  /** Resolves with its lines when it has ended well. */
  readonly done: Promise<readonly Line[]>;
  readonly #ended: Promise<string>;
  readonly #waiting = new Set<() => void>();
  #hasEnded = false;
  #errors = "";

  /** Starts a script with Node, on the sources. */
  constructor(script: URL, args: unknown, { shell }: ChildOptions = {}) {
    const path = fileURLToPath(script);
    const node = ["--conditions=@es/source", "--disable-warning=ExperimentalWarning", path, JSON.stringify(args)];
    this.process =
      shell === undefined
        ? spawn(process.execPath, node, { stdio: ["pipe", "pipe", "pipe"] })
        : spawn("/bin/sh", ["-c", `${shell}; exec "$@"`, "sh", process.execPath, ...node], {
            stdio: ["pipe", "pipe", "pipe"],
          });
    const { stdout, stderr } = this.process;
    if (stdout === null || stderr === null) throw new Error("the child has no pipes");
    createInterface({ input: stdout }).on("line", (line) => {
      this.lines.push(JSON.parse(line));
      this.#wake();
    });
    stderr.on("data", (text) => {
      this.#errors += String(text);
    });
    this.#ended = new Promise((resolve) => {
      this.process.on("close", (code, signal) => {
        this.#hasEnded = true;
        resolve(String(code ?? signal));
        this.#wake();
      });
    });
    this.done = this.#ended.then((end) => {
      if (end !== "0") throw new Error(`${path} ended with ${end}: ${this.#errors}`);
      return this.lines;
    });
    // A test that kills its child need not wait for this.
    this.done.catch(() => undefined);
  }

  /** Resolves when so many of its lines have passed the test. */
  async said(test: (line: Line) => boolean, count = 1): Promise<void> {
    while (this.lines.filter(test).length < count) {
      if (this.#hasEnded) throw new Error(`the child ended before it said that: ${this.#errors}`);
      await new Promise<void>((resolve) => this.#waiting.add(resolve));
    }
  }

  /** Sends a signal. */
  signal(signal: NodeJS.Signals): void {
    this.process.kill(signal);
  }

  /** Tells it to stop, and resolves with how it ended. */
  async stop(): Promise<string> {
    this.process.stdin?.end();
    return this.#ended;
  }

  /** Kills it, and resolves when it is gone. */
  async kill(): Promise<void> {
    this.signal("SIGKILL");
    await this.#ended;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (!this.#hasEnded) await this.kill();
  }

  #wake(): void {
    for (const wake of this.#waiting) wake();
    this.#waiting.clear();
  }
}
