import { randomUUID } from "node:crypto";
import { execFileSync } from "node:child_process";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { makeSharedDirectory } from "../src/shared-directory.ts";
import { takeTurn } from "../src/take-turn.ts";

describe("makeSharedDirectory", () => {
  it("fills a directory once, however many ask for it", async () => {
    const key = [randomUUID()];
    let calls = 0;
    const fill = async (directory: string) => {
      calls += 1;
      await writeFile(join(directory, "file"), "content");
    };

    const directories = await Promise.all([1, 2, 3].map(async () => await makeSharedDirectory(key, fill)));

    expect(calls).toBe(1);
    expect(new Set(directories).size).toBe(1);
    expect(await readFile(join(directories[0] ?? "", "file"), "utf8")).toBe("content");
    await rm(directories[0] ?? "", { recursive: true });
  });

  it("leaves nothing half-filled behind when filling fails", async () => {
    const key = [randomUUID()];
    const failing = makeSharedDirectory(key, async (directory) => {
      await writeFile(join(directory, "half"), "");
      throw new Error("no network");
    });
    await expect(failing).rejects.toThrow("no network");

    const directory = await makeSharedDirectory(key, async () => {});

    await expect(readFile(join(directory, "half"))).rejects.toThrow("ENOENT");
    await rm(directory, { recursive: true });
  });
});

describe("takeTurn", () => {
  it("ignores the lock of a process that is gone", async () => {
    const root = await mkdtemp(join(tmpdir(), "es-turn-"));
    const gone = execFileSync("/bin/sh", ["-c", "echo $$"], { encoding: "utf8" });
    await writeFile(join(root, "lock"), gone.trim());

    expect(await takeTurn(join(root, "lock"), async () => "done")).toBe("done");
    await rm(root, { recursive: true });
  });
});
