import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { onTestFinished } from "vitest";

const MAIN = fileURLToPath(new URL("../src/main.ts", import.meta.url));

/** A folder that is removed when the test ends. */
export function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), "git-history-test-"));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** A git repository for one test, whose commits do not depend on the machine. */
export class Sandbox {
  readonly folder: string;
  #seconds = Date.UTC(2026, 0, 1) / 1000;

  constructor() {
    this.folder = temporaryFolder();
    this.git("init", "--quiet", "--initial-branch=main");
  }

  git(...args: readonly string[]): string {
    return this.#run(args, "");
  }

  /** Commits that `git commit` would not make. */
  fastImport(stream: Buffer): void {
    this.#run(["fast-import", "--quiet"], stream);
  }

  #run(args: readonly string[], input: string | Buffer): string {
    const date = `${this.#seconds} +0000`;
    const { stdout, stderr, status } = spawnSync("git", ["-C", this.folder, ...args], {
      encoding: "utf8",
      input,
      env: {
        PATH: process.env["PATH"],
        HOME: this.folder,
        GIT_CONFIG_NOSYSTEM: "1",
        GIT_AUTHOR_NAME: "Ada",
        GIT_AUTHOR_EMAIL: "ada@example.com",
        GIT_AUTHOR_DATE: date,
        GIT_COMMITTER_NAME: "Ada",
        GIT_COMMITTER_EMAIL: "ada@example.com",
        GIT_COMMITTER_DATE: date,
      },
    });
    if (status !== 0) throw new Error(`git ${args.join(" ")}: ${stderr}`);
    return stdout.trim();
  }

  write(path: string, content: string | Buffer): void {
    const file = join(this.folder, path);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, content);
  }

  /** Commits everything, a day after the commit before. */
  commit(message = "change"): void {
    this.#seconds += 86_400;
    this.git("add", "--all");
    this.git("commit", "--quiet", "--allow-empty", "-m", message);
  }
}

/** What a run of the program printed. */
export interface Outcome {
  readonly stdout: string;
  readonly stderr: string;
  readonly status: number | null;
}

/** Runs the program to its end. */
export function runDemo(...args: readonly string[]): Outcome {
  return runDemoWith({}, ...args);
}

/** As {@link runDemo}, with other variables in its environment. */
export function runDemoWith(variables: Readonly<Record<string, string>>, ...args: readonly string[]): Outcome {
  const { stdout, stderr, status } = spawnSync(process.execPath, demoArgs(...args), {
    encoding: "utf8",
    env: { ...process.env, ...variables },
  });
  return { stdout, stderr, status };
}

/** Arguments for a child process that runs the program. */
export function demoArgs(...args: readonly string[]): readonly string[] {
  return ["--conditions=@es/source", MAIN, ...args];
}

/** Lines of a text file. */
export function lines(count: number, word = "line"): string {
  return Array.from({ length: count }, (_, n) => `${word} ${n}\n`).join("");
}
