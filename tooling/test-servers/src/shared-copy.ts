import { createHash } from "node:crypto";
import { constants } from "node:fs";
import { copyFile, link, mkdir, mkdtemp, readdir, readlink, rename, rm, stat, symlink } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";

/** A symbolic link to add to a copy, both relative to its top. */
export interface AddedLink {
  readonly path: string;
  readonly target: string;
}

/**
 * Makes a copy of a directory tree in a place that every user can read, once for all processes, and returns its path. The copy
 * is made of hard links where the file system allows. Processes that race for it all get the same, complete one.
 */
export async function makeSharedCopy(source: string, links: readonly AddedLink[] = []): Promise<string> {
  const home = await sharedHome();
  const { mtimeMs } = await stat(source);
  const key = createHash("sha256")
    .update(JSON.stringify([source, mtimeMs, links]))
    .digest("hex")
    .slice(0, 16);
  const copy = join(home, key);
  if (await exists(copy)) return copy;

  const draft = await mkdtemp(join(home, "draft-"));
  const tree = join(draft, "tree");
  await copyTree(source, tree);
  for (const { path, target } of links) await addLink(join(tree, path), target);
  try {
    await rename(tree, copy);
  } catch (error) {
    // A directory that is not empty cannot be replaced: another process was first.
    if (!(await exists(copy))) throw error;
  } finally {
    await rm(draft, { recursive: true, force: true });
  }
  return copy;
}

/** A directory for copies that belongs to this user; nobody else can have put something into it. */
async function sharedHome(): Promise<string> {
  const uid = process.getuid?.() ?? 0;
  const home = join(tmpdir(), `es-test-servers-${uid}`);
  await mkdir(home, { recursive: true, mode: 0o755 });
  const { uid: owner, mode } = await stat(home);
  if (owner !== uid || (mode & 0o022) !== 0) throw new Error(`${home} must belong to you and be writable by you only`);
  return home;
}

async function copyTree(from: string, to: string): Promise<void> {
  await mkdir(to, { mode: 0o755 });
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

async function exists(path: string): Promise<boolean> {
  return await stat(path).then(
    () => true,
    () => false,
  );
}
