import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { expect, it } from "vitest";

it("prints what the README says", () => {
  const main = fileURLToPath(new URL("../src/main.ts", import.meta.url));
  const readme = readFileSync(new URL("../README.md", import.meta.url), "utf8");
  const { EVENT_STORE_URL: _, ...env } = process.env;

  const flags = ["--conditions=@es/source", main];
  const { stdout, stderr, status } = spawnSync(process.execPath, flags, { encoding: "utf8", env });

  expect(stdout, stderr).toBe(/```text\n([^]*?)```/.exec(readme)?.[1]);
  expect(status).toBe(0);
});
