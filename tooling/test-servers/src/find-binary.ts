import { execFile } from "node:child_process";
import { access, constants, realpath } from "node:fs/promises";
import { delimiter, join } from "node:path";
import { promisify } from "node:util";
import type { ServerUser } from "./server-user.ts";

/** Finds a binary on the PATH or in one of the other directories, with symbolic links resolved. */
export async function findBinaries(name: string, otherDirectories: readonly string[]): Promise<string[]> {
  const directories = [...(process.env["PATH"] ?? "").split(delimiter), ...otherDirectories];
  const found = new Set<string>();
  for (const directory of directories.filter((path) => path !== "")) {
    const path = join(directory, name);
    if (await isExecutable(path)) found.add(await realpath(path));
  }
  return [...found];
}

/** Whether a file is there and this process may run it. */
export async function isExecutable(path: string): Promise<boolean> {
  return await access(path, constants.X_OK).then(
    () => true,
    () => false,
  );
}

/** The version that a binary prints, such as `15.20`; `undefined` when the given user cannot run it. */
export async function readVersion(path: string, user: ServerUser | undefined): Promise<string | undefined> {
  try {
    const { stdout } = await promisify(execFile)(path, ["--version"], { ...user, cwd: "/", timeout: 10_000 });
    return /\d+(\.\d+)+/.exec(stdout)?.[0];
  } catch {
    return undefined;
  }
}
