import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { expect, it } from "vitest";

it("prints what the README says", () => {
  const main = fileURLToPath(new URL("../src/main.ts", import.meta.url));

  const { stdout, status } = spawnSync(process.execPath, ["--conditions=@es/source", main], { encoding: "utf8" });

  expect(stdout.split("\n")).toEqual([
    "Error: insufficient funds",
    "Ada has 70 after 3 events:",
    "1 Opened { owner: 'Ada' }",
    "2 Deposited { amount: 100 }",
    "3 Withdrawn { amount: 30 }",
    "",
  ]);
  expect(status).toBe(0);
});
