import { spawn, spawnSync } from "node:child_process";
import { devNull } from "node:os";
import type { Readable } from "node:stream";
import { Failure } from "./failure.ts";

/** Settings of the user must not change what is counted: a later run has to count the old commits as the first one did. */
const FIXED = [
  "diff.renameLimit=1000",
  "diff.algorithm=myers",
  "diff.relative=false",
  "diff.ignoreSubmodules=none",
  "core.quotePath=true",
  `core.attributesFile=${devNull}`,
  "log.showRoot=true",
  "log.showSignature=false",
  "log.follow=false",
].flatMap((setting) => ["-c", setting]);

/** Set by git for its hooks; they would lead to another repository than the one that was asked for. */
const FOREIGN = new Set(["GIT_DIR", "GIT_WORK_TREE", "GIT_COMMON_DIR", "GIT_INDEX_FILE", "GIT_OBJECT_DIRECTORY"]);

/**
 * One git repository, read only. Its commands run in the folder of git's own data, where no `.gitattributes` are found:
 * they say which files are binary, and today's would change the counts of every old commit.
 */
export class Git {
  /** The folder of git's own data. */
  readonly folder: string;
  readonly #before: readonly string[];
  readonly #environment: NodeJS.ProcessEnv;

  constructor(folder: string) {
    this.folder = folder;
    this.#before = [...FIXED, "-C", folder, "--bare", `--git-dir=${folder}`];
    const emptyTree = run([...this.#before, "hash-object", "-t", "tree", "--stdin"], environment()).stdout.trim();
    // The same for versions of git that look for attributes in a commit.
    this.#environment = { ...environment(), GIT_ATTR_NOSYSTEM: "1", GIT_ATTR_SOURCE: emptyTree };
  }

  /** What a git command prints, without the line end. @throws Failure with git's own words */
  text(...args: readonly string[]): string {
    const { stdout, stderr, status } = this.#run(args);
    if (status !== 0) throw new Failure(`git ${args[0] ?? ""} failed in ${this.folder}: ${stderr.trim()}`);
    return stdout.trim();
  }

  /** Whether a git command ends well. */
  succeeds(...args: readonly string[]): boolean {
    return this.#run(args).status === 0;
  }

  /** The output of a git command, as it comes. @throws Failure when it ends badly */
  async *stream(...args: readonly string[]): AsyncGenerator<Buffer, void, undefined> {
    const child = spawn("git", [...this.#before, ...args], {
      stdio: ["ignore", "pipe", "pipe"],
      env: this.#environment,
    });
    const ended = new Promise<number | null>((resolve, reject) => {
      child.once("error", reject);
      child.once("close", resolve);
    });
    // Looked at below; until then it must not count as unhandled.
    ended.catch(() => undefined);
    let complaint = "";
    child.stderr.setEncoding("utf8").on("data", (text: string) => {
      complaint = (complaint + text).slice(-2_000);
    });
    try {
      yield* chunks(child.stdout);
      const status = await ended;
      if (status !== 0) throw new Failure(`git ${args[0] ?? ""} failed in ${this.folder}: ${complaint.trim()}`);
    } finally {
      child.kill();
    }
  }

  #run(args: readonly string[]): CommandResult {
    return run([...this.#before, ...args], this.#environment);
  }
}

interface CommandResult {
  readonly stdout: string;
  readonly stderr: string;
  readonly status: number | null;
}

/** @throws Failure when git is not there */
function run(args: readonly string[], env: NodeJS.ProcessEnv): CommandResult {
  const result = spawnSync("git", args, { encoding: "utf8", env, input: "" });
  if (result.error !== undefined)
    throw new Failure(`git cannot be started: ${result.error.message}. Install git first`);
  return result;
}

/** The caller's environment, with git's messages in English, because one of them is looked at. */
function environment(): NodeJS.ProcessEnv {
  const kept = Object.entries(process.env).filter(([name]) => !FOREIGN.has(name));
  return { ...Object.fromEntries(kept), LC_ALL: "C" };
}

async function* chunks(stream: Readable): AsyncGenerator<Buffer, void, undefined> {
  for await (const chunk of stream) if (Buffer.isBuffer(chunk)) yield chunk;
}

/**
 * Opens the repository that contains a folder.
 * @throws Failure when there is none, it has no commit, or its history is cut off
 */
export function openRepository(folder: string): Git {
  const found = run(["-C", folder, "rev-parse", "--absolute-git-dir"], environment());
  if (found.status !== 0) {
    const reason = found.stderr.trim();
    throw new Failure(
      reason.includes("not a git repository")
        ? `${folder} is not inside a git repository; give the path of one`
        : `the repository at ${folder} cannot be read: ${reason}`,
    );
  }
  const git = new Git(found.stdout.replace(/\r?\n$/, ""));
  if (!git.succeeds("rev-parse", "--verify", "--quiet", "HEAD^{commit}")) {
    throw new Failure(`the repository at ${folder} has no commit yet`);
  }
  if (git.text("rev-parse", "--is-shallow-repository") === "true") {
    throw new Failure(`the repository at ${folder} is a shallow clone; fetch the rest with: git fetch --unshallow`);
  }
  return git;
}
