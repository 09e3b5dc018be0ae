import { copyFileSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { packAll } from "./pack.ts";
import { run } from "./run.ts";

/**
 * Installs the packed tarballs with npm into an empty project outside the repository, as a user does, and runs a script there
 * once with `import` and once with `require`.
 */
const [major = 0] = process.versions.node.split(".").map(Number);
if (major < 22) throw new Error(`this check needs the workspace's own Node, not ${process.version}: use pnpm run`);
const folder = mkdtempSync(join(tmpdir(), "es-tarballs-"));
try {
  const tarballs = packAll(folder);
  for (const { name, file } of tarballs) {
    const manifest = run("tar", ["-xzOf", file, "package/package.json"], { cwd: folder });
    if (manifest.includes("workspace:") || manifest.includes("catalog:") || manifest.includes("@es/source")) {
      throw new Error(`the packed manifest of ${name} still holds what only the workspace understands:\n${manifest}`);
    }
    const files = run("tar", ["-tzf", file], { cwd: folder }).split("\n");
    const test = files.find((path) => /\.test(-d)?\./.test(path));
    if (test !== undefined) throw new Error(`${test} is a test, yet in the tarball of ${name}`);
    for (const expected of [
      "package/README.md",
      "package/LICENSE",
      "package/dist/index.js",
      "package/dist/index.d.ts",
    ]) {
      if (!files.includes(expected)) throw new Error(`${expected} is missing in the tarball of ${name}`);
    }
  }
  writeFileSync(join(folder, "package.json"), JSON.stringify({ name: "consumer", private: true, version: "1.0.0" }));
  // pnpm leaves settings in the environment that npm does not know.
  const env = Object.fromEntries(
    Object.entries(process.env).filter(([name]) => !/^npm_config_/i.test(name) || /registry|cache/i.test(name)),
  );
  run(
    "npm",
    [
      "install",
      "--no-audit",
      "--no-fund",
      "--ignore-scripts",
      ...tarballs.map(({ file }) => file),
      "better-sqlite3@13.2.0",
      "zod@4.6.7",
    ],
    { cwd: folder, env },
  );
  for (const script of ["consumer.mjs", "consumer.cjs"]) {
    copyFileSync(fileURLToPath(new URL(`../consumer/${script}`, import.meta.url)), join(folder, script));
    process.stdout.write(
      `Node ${process.versions.node}, ${script}\n${run(process.execPath, [script], { cwd: folder, env })}`,
    );
  }
} finally {
  rmSync(folder, { recursive: true, force: true });
}
