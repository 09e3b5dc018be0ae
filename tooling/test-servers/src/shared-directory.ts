import { createHash } from "node:crypto";
import { chmod, mkdir, mkdtemp, rename, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { takeTurn } from "./take-turn.ts";

/**
 * A directory that is filled once, for all processes and later runs, in a temporary place that every user can read. Processes
 * that race for it all get the same, complete one.
 */
export async function makeSharedDirectory(
  key: readonly unknown[],
  fill: (directory: string) => Promise<void>,
): Promise<string> {
  const home = await sharedHome();
  const name = createHash("sha256").update(JSON.stringify(key)).digest("hex").slice(0, 16);
  const directory = join(home, name);
  if (await exists(directory)) return directory;
  await takeTurn(`${directory}.lock`, async () => {
    if (!(await exists(directory))) await makeOnce(home, directory, fill);
  });
  return directory;
}

async function makeOnce(home: string, directory: string, fill: (directory: string) => Promise<void>): Promise<void> {
  const draft = await mkdtemp(join(home, "draft-"));
  try {
    const content = join(draft, "content");
    await mkdir(content);
    await chmod(content, 0o755);
    await fill(content);
    await rename(content, directory);
  } catch (error) {
    // A directory that is not empty cannot be replaced: then another process was first.
    if (!(await exists(directory))) throw error;
  } finally {
    await rm(draft, { recursive: true, force: true });
  }
}

/** A place of this user's own: nobody else can have put something into it. */
async function sharedHome(): Promise<string> {
  const uid = process.getuid?.() ?? 0;
  const home = join(tmpdir(), `es-test-servers-${uid}`);
  const made = await mkdir(home, { recursive: true });
  if (made !== undefined) await chmod(home, 0o755);
  const { uid: owner, mode } = await stat(home);
  if (owner !== uid || (mode & 0o022) !== 0) throw new Error(`${home} must belong to you and be writable by you only`);
  return home;
}

async function exists(path: string): Promise<boolean> {
  return await stat(path).then(
    () => true,
    () => false,
  );
}
