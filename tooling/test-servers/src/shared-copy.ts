import { constants } from "node:fs";
import { chmod, copyFile, link, mkdir, readdir, readlink, stat, symlink } from "node:fs/promises";
import { dirname, join } from "node:path";
import { makeSharedDirectory } from "./shared-directory.ts";

/** A symbolic link to add to a copy; the path is relative to its top, the target to the link. */
export interface AddedLink {
  readonly path: string;
  readonly target: string;
}

/** A copy of a directory tree that every user can read, made of hard links where the file system allows. */
export async function makeSharedCopy(source: string, links: readonly AddedLink[] = []): Promise<string> {
  const { mtimeMs } = await stat(source);
  return await makeSharedDirectory([source, mtimeMs, links], async (directory) => {
    await copyTree(source, directory);
    for (const { path, target } of links) await addLink(join(directory, path), target);
  });
}

async function copyTree(from: string, to: string): Promise<void> {
  await mkdir(to, { recursive: true });
  await chmod(to, 0o755);
  for (const entry of await readdir(from, { withFileTypes: true })) {
    const [source, target] = [join(from, entry.name), join(to, entry.name)];
    if (entry.isDirectory()) await copyTree(source, target);
    else if (entry.isSymbolicLink()) await addLink(target, await readlink(source));
    else await linkOrCopy(source, target);
  }
}

async function linkOrCopy(source: string, target: string): Promise<void> {
  try {
    await link(source, target);
  } catch {
    // Another file system, or a file of another user.
    await copyFile(source, target, constants.COPYFILE_FICLONE);
  }
}

async function addLink(path: string, target: string): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  try {
    await symlink(target, path);
  } catch (error) {
    // The package's own install script may have made it already.
    if (!(error instanceof Error && "code" in error && error.code === "EEXIST")) throw error;
  }
}
