import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { makeRepository } from "./large-repository.ts";

/** Makes a repository with many file changes, runs the program on it, and removes both again. */
const changes = Number(process.argv[2] ?? "100000");
if (!Number.isSafeInteger(changes) || changes < 1) throw new Error("usage: large [CHANGES]");
const folder = mkdtempSync(join(tmpdir(), "git-history-large-"));
try {
  const repository = join(folder, "repository");
  console.log(`making a repository with ${changes.toLocaleString("en")} file changes`);
  await makeRepository(repository, { changes, files: 5_000, changesPerCommit: 20 });
  const main = fileURLToPath(new URL("main.ts", import.meta.url));
  // An import that grew with the history would not fit.
  const args = [
    "--max-old-space-size=64",
    "--conditions=@es/source",
    main,
    repository,
    "--db",
    join(folder, "history.db"),
  ];
  process.exitCode = spawnSync(process.execPath, args, { stdio: "inherit" }).status ?? 1;
} finally {
  rmSync(folder, { recursive: true, force: true });
}
