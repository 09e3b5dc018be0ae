import { type ChildProcess, spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import type { ChildReport } from "./report.ts";
import type { Place, Share } from "./share.ts";

/** A process that runs its share of a projection, or a process manager, and what it has said so far. */
export class Child implements AsyncDisposable {
  readonly reports: ChildReport[] = [];
  readonly #process: ChildProcess;
  readonly #ended: Promise<string>;
  readonly #waiting = new Set<() => void>();
  #hasEnded = false;
  #errors = "";

  constructor(told: Share | { readonly place: Place; readonly dieAt?: number }, script = "./share.ts") {
    const path = fileURLToPath(new URL(script, import.meta.url));
    this.#process = spawn(process.execPath, ["--conditions=@es/source", path, JSON.stringify(told)], {
      stdio: ["pipe", "pipe", "pipe"],
    });
    const { stdout, stderr } = this.#process;
    if (stdout === null || stderr === null) throw new Error("the child has no pipes");
    createInterface({ input: stdout }).on("line", (line) => {
      this.reports.push(JSON.parse(line));
      this.#wake();
    });
    stderr.on("data", (text) => {
      this.#errors += String(text);
    });
    this.#ended = new Promise((resolve) => {
      this.#process.on("close", (code, signal) => {
        this.#hasEnded = true;
        resolve(String(code ?? signal));
        this.#wake();
      });
    });
  }

  /** Resolves when so many of its reports have passed the test. */
  async said(test: (report: ChildReport) => boolean, count = 1): Promise<void> {
    while (this.reports.filter(test).length < count) {
      if (this.#hasEnded) throw new Error(`the child ended before it said that: ${this.#errors}`);
      await new Promise<void>((resolve) => this.#waiting.add(resolve));
    }
  }

  /** Resolves with how it ended. */
  async ended(): Promise<string> {
    return this.#ended;
  }

  /** Sends a signal to it. */
  signal(signal: NodeJS.Signals): void {
    this.#process.kill(signal);
  }

  /** Tells it to stop, and resolves with how it ended. */
  async stop(): Promise<string> {
    this.#process.stdin?.end();
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
