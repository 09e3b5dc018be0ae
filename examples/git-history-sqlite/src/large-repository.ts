import { once } from "node:events";
import { spawn, spawnSync } from "node:child_process";

/** How large a repository to make. */
export interface Size {
  readonly changes: number;
  readonly files: number;
  readonly changesPerCommit: number;
}

/** Makes a git repository with a synthetic history, always the same one for the same size. */
export async function makeRepository(folder: string, { changes, files, changesPerCommit }: Size): Promise<void> {
  const made = spawnSync("git", ["init", "--quiet", "--bare", folder]);
  if (made.status !== 0) throw new Error(`git init failed: ${String(made.stderr)}`);
  const child = spawn("git", ["-C", folder, "fast-import", "--quiet", "--done"], {
    stdio: ["pipe", "ignore", "inherit"],
  });
  const ended = once(child, "close");
  const write = async (text: string): Promise<void> => {
    if (!child.stdin.write(text)) await once(child.stdin, "drain");
  };
  let time = 1_500_000_000;
  for (let change = 0; change < changes; ) {
    time += 3_600;
    const inCommit = Math.min(changesPerCommit, changes - change);
    let commit = `commit refs/heads/main\ncommitter Author ${change % 7} <author@example.com> ${time} +0000\n${data(`change ${change}`)}`;
    for (let n = 0; n < inCommit; n += 1, change += 1) {
      const file = change % files;
      const lines = Array.from({ length: 1 + (change % 5) }, (_, line) => `line ${line} of change ${change}\n`).join(
        "",
      );
      commit += `M 100644 inline folder-${file % 50}/file-${file}.txt\n${data(lines)}`;
    }
    await write(`${commit}\n`);
  }
  child.stdin.end("done\n");
  await ended;
  spawnSync("git", ["-C", folder, "symbolic-ref", "HEAD", "refs/heads/main"]);
}

function data(text: string): string {
  return `data ${Buffer.byteLength(text)}\n${text}\n`;
}
