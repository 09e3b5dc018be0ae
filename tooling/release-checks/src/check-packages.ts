import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { packAll } from "./pack.ts";
import { root } from "./packages.ts";
import { run } from "./run.ts";

/** publint and attw over every packed tarball. */
const folder = mkdtempSync(join(tmpdir(), "es-pack-"));
try {
  for (const { name, file } of packAll(folder)) {
    run("pnpm", ["exec", "publint", "--strict", file], { cwd: join(root, "tooling/release-checks") });
    run("pnpm", ["exec", "attw", file, "--profile", "esm-only", "--format", "ascii"], {
      cwd: join(root, "tooling/release-checks"),
    });
    process.stdout.write(`${name}: publint and attw find nothing\n`);
  }
} finally {
  rmSync(folder, { recursive: true, force: true });
}
