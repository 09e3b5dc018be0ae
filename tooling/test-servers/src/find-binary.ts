import { execFile } from "node:child_process";
import { access, constants, realpath } from "node:fs/promises";
import { delimiter, join } from "node:path";
import { promisify } from "node:util";
import type { ServerUser } from "./server-user.ts";

/** Finds all binaries of a name, with symbolic links resolved: those on the search path first. */
export async function findBinaries(
  name: string,
  otherDirectories: readonly string[],
  searchPath = process.env["PATH"] ?? "",
): Promise<string[]> {
  const found = new Set<string>();
  for (const directory of [...searchPath.split(delimiter), ...otherDirectories]) {
    const path = join(directory, name);
    if (directory !== "" && (await isExecutable(path))) found.add(await realpath(path));
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

/** The version that a program prints, such as `15.20`; `undefined` when the given user cannot run it. */
export async function readVersion(
  command: string,
  user: ServerUser | undefined,
  args: readonly string[] = [],
): Promise<string | undefined> {
  try {
    const options = { ...user, cwd: "/", timeout: 10_000 };
    const { stdout } = await promisify(execFile)(command, [...args, "--version"], options);
    return /\d+(\.\d+)+/.exec(stdout)?.[0];
  } catch {
    return undefined;
  }
}
