import { spawnSync } from "node:child_process";
import { globSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join, relative } from "node:path";
import { root } from "./packages.ts";
import { type Snippet, snippetsOf } from "./snippets.ts";

/** Type-checks every fenced `ts` block of the README files and of docs/. */
const PAGES = [
  "README.md",
  "CONTRIBUTING.md",
  "packages/*/README.md",
  "examples/*/README.md",
  "docs/*.md",
  "docs/adr/*.md",
];
const folder = join(root, "docs/.snippets");

rmSync(folder, { recursive: true, force: true });
mkdirSync(folder, { recursive: true });
const written = new Map<string, Snippet>();
for (const page of PAGES.flatMap((pattern) => globSync(pattern, { cwd: root })).sort()) {
  for (const [index, snippet] of snippetsOf(page, readFileSync(join(root, page), "utf8")).entries()) {
    const name = `${page.replaceAll(/\W+/g, "-")}-${index + 1}.ts`;
    // `export {}` makes each block a module of its own.
    writeFileSync(join(folder, name), `${snippet.code}\nexport {};\n`);
    written.set(name, snippet);
  }
}
writeFileSync(
  join(folder, "tsconfig.json"),
  JSON.stringify({
    extends: "../../tsconfig.base.json",
    compilerOptions: { noUnusedLocals: false, noUnusedParameters: false },
    include: ["*.ts"],
  }),
);

const tsc = spawnSync("tsc", ["-p", folder, "--pretty", "false"], { cwd: root, encoding: "utf8" });
if (tsc.error !== undefined) throw tsc.error;
process.stdout.write(tsc.stdout.replaceAll(/^(\S+?\.ts)\((\d+),(\d+)\)/gm, locate));
process.stdout.write(`${written.size} code blocks checked\n`);
process.exitCode = tsc.status ?? 1;

/** From a place in an extracted file to the place in its page. */
function locate(match: string, file: string, line: string, column: string): string {
  const snippet = written.get(relative(folder, join(root, file)));
  if (snippet === undefined) return match;
  return `${snippet.page}:${snippet.lineOf(Number(line))}:${column}`;
}
