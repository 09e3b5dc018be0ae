import { Failure } from "./failure.ts";
import type { Git } from "./git.ts";

/** What a commit did to one file, in git's own letters. */
export interface FileChange {
  readonly kind: "added" | "changed" | "renamed" | "deleted";
  readonly path: string;
  /** The path before, of a rename. */
  readonly from?: string;
  /** Lines; `null` for a binary file. */
  readonly added: number | null;
  readonly removed: number | null;
}

/** A commit and what it did. */
export interface Commit {
  readonly hash: string;
  /** When it was written, in UTC. */
  readonly time: string;
  readonly author: string;
  readonly changes: readonly FileChange[];
}

/** Merges are left out as `git log --numstat` leaves them out: what they bring was counted where it was written. */
export const LOG_ARGS: readonly string[] = [
  "log",
  "--no-merges",
  "-M",
  "--numstat",
  "--no-ext-diff",
  "--no-textconv",
  "--no-color",
];

/** The commits of a range, oldest first, parents before children. Bounded memory: git waits while the caller works. */
export async function* readLog(git: Git, range: string): AsyncGenerator<Commit, void, undefined> {
  const parser = new LogParser();
  const format = "--format=%x01%H%x02%at%x02%an";
  for await (const chunk of git.stream(...LOG_ARGS, "--raw", "-z", "--reverse", "--topo-order", format, range, "--")) {
    yield* parser.push(chunk);
  }
  yield* parser.end();
}

interface RawEntry {
  readonly letter: string;
  readonly paths: string[];
}

/**
 * Reads the output of `git log -z --raw --numstat`: a list of texts that end with NUL. Paths may hold any other byte, so they are
 * told from the rest by counting, never by their looks.
 */
export class LogParser {
  #rest = "";
  #header: { readonly hash: string; readonly time: string; readonly author: string } | undefined;
  #raw: RawEntry[] = [];
  #changes: FileChange[] = [];
  /** Where the paths go that come next, and how many. */
  #open: RawEntry | { readonly numbers: readonly [string, string] } | undefined;
  #awaited = 0;

  /** Takes the next bytes; returns the commits that they complete. */
  push(chunk: Buffer): readonly Commit[] {
    // One character for each byte, so that a path that is not UTF-8 survives.
    const texts = (this.#rest + chunk.toString("latin1")).split("\0");
    this.#rest = texts.pop() ?? "";
    return texts.flatMap((text) => this.#take(text));
  }

  /** The last commit. @throws Failure when the output was cut off */
  end(): readonly Commit[] {
    if (this.#rest !== "" || this.#awaited > 0)
      throw new Failure("the output of git log ended in the middle of a change");
    return this.#finish();
  }

  #take(text: string): readonly Commit[] {
    if (this.#awaited > 0) {
      this.#takePath(text);
      return [];
    }
    const token = text.startsWith("\n") ? text.slice(1) : text;
    if (token.startsWith("\u0001")) {
      const finished = this.#finish();
      const [hash = "", seconds = "", author = ""] = decode(token.slice(1)).split("\u0002");
      this.#header = { hash, time: timeOf(seconds), author };
      return finished;
    }
    if (token.startsWith(":")) {
      const letter = token.split(" ")[4]?.slice(0, 1) ?? "";
      this.#open = { letter, paths: [] };
      this.#raw.push(this.#open);
      this.#awaited = letter === "R" || letter === "C" ? 2 : 1;
      return [];
    }
    const [, added, removed, path] = /^(\d+|-)\t(\d+|-)\t([^]*)$/.exec(token) ?? [];
    if (added === undefined || removed === undefined) {
      if (token === "") return [];
      throw new Failure(`git log printed something unexpected: ${JSON.stringify(token.slice(0, 80))}`);
    }
    this.#open = { numbers: [added, removed] };
    if (path === "") this.#awaited = 2;
    else this.#change();
    return [];
  }

  #takePath(path: string): void {
    this.#awaited -= 1;
    if (this.#open === undefined) return;
    if ("paths" in this.#open) this.#open.paths.push(decode(path));
    else if (this.#awaited === 0) this.#change();
  }

  /** The counts come in the order of the raw entries, which say what was done. */
  #change(): void {
    const entry = this.#raw[this.#changes.length];
    if (entry === undefined || this.#open === undefined || !("numbers" in this.#open)) {
      throw new Failure("git log counted the lines of a change that it did not list");
    }
    const [added, removed] = this.#open.numbers.map((number) => (number === "-" ? null : Number(number)));
    const lines = { added: added ?? null, removed: removed ?? null };
    const [first = "", second] = entry.paths;
    if (entry.letter === "R" && second !== undefined) {
      this.#changes.push({ kind: "renamed", from: first, path: second, ...lines });
    } else {
      const kind =
        entry.letter === "A" || entry.letter === "C" ? "added" : entry.letter === "D" ? "deleted" : "changed";
      this.#changes.push({ kind, path: second ?? first, ...lines });
    }
  }

  #finish(): readonly Commit[] {
    if (this.#header === undefined) return [];
    if (this.#raw.length !== this.#changes.length) {
      throw new Failure(
        `git log listed ${this.#raw.length} changes of commit ${this.#header.hash} and counted ${this.#changes.length}`,
      );
    }
    const commit = { ...this.#header, changes: this.#changes };
    this.#header = undefined;
    this.#raw = [];
    this.#changes = [];
    return [commit];
  }
}

/** Damaged commits exist in real histories: a time that no calendar holds becomes 1970. */
function timeOf(seconds: string): string {
  const time = new Date(Number(seconds) * 1000);
  return (Number.isNaN(time.getTime()) ? new Date(0) : time).toISOString();
}

/** Bytes as text. Bytes that are not UTF-8 are written as `\xE9`, and then a backslash as two. */
function decode(latin1: string): string {
  const bytes = Buffer.from(latin1, "latin1");
  const text = bytes.toString("utf8");
  if (Buffer.from(text, "utf8").equals(bytes)) return text;
  return latin1
    .replaceAll("\\", "\\\\")
    .replaceAll(/[\u0080-\u00ff]/g, (byte) => `\\x${byte.charCodeAt(0).toString(16).toUpperCase()}`);
}
