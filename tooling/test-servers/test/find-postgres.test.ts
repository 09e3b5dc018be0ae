import { execFileSync } from "node:child_process";
import { chmod, mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { EMBEDDED_PACKAGES } from "../src/embedded-postgres.ts";
import { findPostgres } from "../src/find-postgres.ts";
import { findServerUser } from "../src/server-user.ts";

const nowhere = { searchPath: "/nowhere", debian: "/nowhere", packages: ["nowhere"] };
let root: string;

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), "es-find-"));
});

afterEach(async () => {
  await rm(root, { recursive: true });
});

describe("findPostgres", () => {
  it("says what to install when there is none", async () => {
    await expect(findPostgres(undefined, undefined, nowhere)).rejects.toThrow(
      /PostgreSQL 15 or later was not found\. Install it \(on Debian: apt-get install postgresql\)/,
    );
  });

  it("prefers the PATH to Debian's place, and takes the oldest or the newest of all when asked", async () => {
    const searchPath = await makeInstallation("opt/bin", "16.3");
    await makeInstallation("debian/15/bin", "15.1");
    await makeInstallation("debian/17/bin", "17.2");
    await makeInstallation("debian/14/bin", "14.9");
    const places = { ...nowhere, searchPath, debian: join(root, "debian") };

    expect(await findPostgres(undefined, undefined, places)).toMatchObject({ version: "16.3" });
    expect(await findPostgres(undefined, "oldest", places)).toMatchObject({ version: "15.1" });
    expect(await findPostgres(undefined, "newest", places)).toMatchObject({ version: "17.2" });
  });

  it("ignores a server without initdb, and one that is too old", async () => {
    const searchPath = await makeInstallation("opt/bin", "16.3");
    await rm(join(searchPath, "initdb"));
    await makeInstallation("debian/14/bin", "14.9");

    await expect(
      findPostgres(undefined, undefined, { ...nowhere, searchPath, debian: join(root, "debian") }),
    ).rejects.toThrow("was not found");
  });

  it("finds the npm packages, and makes complete installations of them, also in a race", async () => {
    const places = { ...nowhere, packages: EMBEDDED_PACKAGES };
    const oldest = await findPostgres(undefined, "oldest", places);
    const newest = await findPostgres(undefined, "newest", places);

    const directories = await Promise.all([newest.prepare(), newest.prepare(), newest.prepare()]);

    expect(oldest.version).toMatch(/^15\.\d+$/);
    expect(newest.version).toMatch(/^18\.\d+$/);
    expect(new Set(directories).size).toBe(1);
    expect(run(join(directories[0] ?? "", "postgres"))).toContain(newest.version);
    expect(run(join(await oldest.prepare(), "initdb"))).toContain(oldest.version);
  });

  it.runIf(process.getuid?.() === 0)("copies an installation that only root can read", async () => {
    const user = findServerUser();
    await chmod(root, 0o700);
    const searchPath = await makeInstallation("opt/bin", "16.3");

    const { version, prepare } = await findPostgres(user, undefined, { ...nowhere, searchPath });
    const bin = await prepare();

    expect(version).toBe("16.3");
    expect(bin).not.toBe(searchPath);
    expect(execFileSync(join(bin, "postgres"), ["--version"], { ...user, cwd: "/", encoding: "utf8" })).toContain(
      "16.3",
    );
  });
});

async function makeInstallation(path: string, version: string): Promise<string> {
  const bin = join(root, path);
  await mkdir(bin, { recursive: true });
  for (const name of ["postgres", "initdb"]) {
    await writeFile(join(bin, name), `#!/bin/sh\necho "${name} (PostgreSQL) ${version} (made up)"\n`, { mode: 0o755 });
  }
  return bin;
}

function run(path: string): string {
  return execFileSync(path, ["--version"], { encoding: "utf8" });
}
